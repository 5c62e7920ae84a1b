// `insid --new-cfg PATH`: a configuration of three nodes on this machine, with a secret that nobody else has.
import { mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { messageOf } from '../../base/errors.ts'
import { systemRandom } from '../../base/random.ts'

const SECRET_SIZE_BYTES = 32
/** The file holds the secret. */
const FILE_MODE = 0o600
const DIRECTORY_MODE = 0o755

function sampleOf(secret: string, insidCommand: string, filePath: string): string {
  return `# A cluster of three nodes on this machine:
#
#     ${insidCommand} --host --config ${filePath}          every node
#     ${insidCommand} --as node1 --config ${filePath}      one node
#
# Give every node the same file. Keep it private: who can read the secret is the administrator.
# On several machines, bind to addresses that the others can reach, and give each node raftAdvertise: host:port.

instanceSecret: ${secret}

# The node that founds the cluster when it starts for the first time.
defaultLeader: node0

# Data directory, relative to the working directory. Each node has a directory of its own in it.
insiHome: data/insi

nodes:
  node0:
    raftBinding: 127.0.0.1:7000
    privateBinding: 127.0.0.1:8080
    publicBinding: 127.0.0.1:7001
    clientDomain: localhost
  node1:
    raftBinding: 127.0.0.1:7002
    privateBinding: 127.0.0.1:8081
    publicBinding: 127.0.0.1:7003
    clientDomain: localhost
  node2:
    raftBinding: 127.0.0.1:7004
    privateBinding: 127.0.0.1:8082
    publicBinding: 127.0.0.1:7005
    clientDomain: localhost

# HTTPS on both HTTP listeners of every node:
# tls:
#   cert: keys/server.crt
#   key: keys/server.key
# Without files of your own, each node can make its own certificate:
# serverMustUseTLS: true
# clientSkipVerify: true

# Addresses and networks that may connect; empty: everyone.
permittedIPs: []

logging:
  level: info
`
}

/** Writes the file, which must not exist yet. Returns the exit code. */
export async function writeNewConfig(filePath: string, insidCommand: string): Promise<number> {
  const secret = Buffer.from(systemRandom.bytes(SECRET_SIZE_BYTES)).toString('base64')
  try {
    await mkdir(path.dirname(filePath), { recursive: true, mode: DIRECTORY_MODE })
    await writeFile(filePath, sampleOf(secret, insidCommand, filePath), { flag: 'wx', mode: FILE_MODE })
  } catch (error) {
    const exists = (error as NodeJS.ErrnoException).code === 'EEXIST'
    const reason = exists ? 'it exists already, and its secret would be lost. Choose another path.' : messageOf(error)
    process.stderr.write(`insid: cannot write ${filePath}: ${reason}\n`)
    return 1
  }
  process.stdout.write(
    `Wrote ${filePath} with a new secret. Start its nodes with:\n  ${insidCommand} --host --config ${filePath}\n`,
  )
  return 0
}
