import { durationText } from '../../../src/services/duration-text.ts'
import { normalizedName } from '../../../src/services/ping.ts'

test.each([
  [0, '0s'],
  [0.25, '0.25ms'],
  [999, '999ms'],
  [1_000, '1s'],
  [39_005.823962, '39.005823s'],
  [59_999.9999, '59.999999s'],
  [173_810, '2m53.81s'],
  [3_600_000, '1h0m0s'],
  [93_784_500, '26h3m4.5s'],
])('%d ms read as %s', (durationMs, text) => {
  expect(durationText(durationMs)).toBe(text)
})

test.each([
  ['My Key-1', 'my_key_1'],
  ['Del Me!', 'del_me_'],
  ['  a.b:c/d\\e|f`g~h  ', 'a_b_c_d_e_f_g_h'],
  ['@#$%^&*()[]{}=+?', '________________'],
  ['Grün', 'grün'],
])('the name %j is shown as %j', (name, shown) => {
  expect(normalizedName(name)).toBe(shown)
})
