// Writes every generated document: `npm run generate`. Tests compare them with their sources.
import { generateDashboards } from './generate-dashboards.ts'
import { generateApiDocs } from './generate-api-docs.ts'
import { generateChartReadme } from './generate-chart-readme.ts'
import { generateChartRules } from './generate-chart-rules.ts'
import { generateChartValues } from './generate-chart-values.ts'
import { generateCliDocs } from './generate-cli-docs.ts'
import { generateConfigDocs } from './generate-config-docs.ts'
import { generateMetricsDocs } from './generate-metrics-docs.ts'
import { generateRunbooks } from './generate-runbooks.ts'

await generateConfigDocs()
await generateApiDocs()
await generateCliDocs()
await generateMetricsDocs()
await generateChartValues()
await generateChartReadme()
await generateChartRules()
await generateRunbooks()
await generateDashboards()
