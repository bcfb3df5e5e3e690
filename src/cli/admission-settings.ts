// The API server's admission plug-ins as the settings want them: two lists of names, and a configuration file. The plug-ins check what
// they are told; this reads the files and says which one is wrong.
import { readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import {
  ConfigurationError,
  type PluginConfigurations,
  parseAdmissionConfiguration,
} from '../apiserver/admission/configuration.ts'
import { type AdmissionSettings, choiceProblem } from '../apiserver/admission/plugin-choice.ts'
import { PLUGINS } from '../apiserver/admission/plugins.ts'
import { loadYaml } from '../base/yaml.ts'
import { CliError, type Config } from './config.ts'
import { fileProblem } from './file-problem.ts'

type Chosen = Pick<Config, 'enableAdmissionPlugins' | 'disableAdmissionPlugins' | 'admissionControlConfigFile'>

/** @throws CliError that names the list or the file, and the field in it */
export function admissionSettings(config: Chosen): AdmissionSettings {
  const names = (list: string) => list.split(',').filter(Boolean)
  const lists = { enabled: names(config.enableAdmissionPlugins), disabled: names(config.disableAdmissionPlugins) }
  const problem = choiceProblem(PLUGINS, lists)
  if (problem) throw new CliError(problem)
  const file = config.admissionControlConfigFile
  return { ...lists, configurations: file ? configurationsIn(file) : {} }
}

function configurationsIn(file: string): PluginConfigurations {
  try {
    const beside = (path: string) => resolve(dirname(file), path)
    return parseAdmissionConfiguration(read(file), {
      yaml: (path) => read(beside(path)),
      text: (path) => readText(beside(path)),
    })
  } catch (err) {
    if (err instanceof ConfigurationError) throw new CliError(`--admission-control-config-file ${file}: ${err.message}`)
    throw err
  }
}

function read(file: string): unknown {
  return attempt(file, () => loadYaml().parse(readFileSync(file, 'utf8')))
}

const readText = (file: string): string => attempt(file, () => readFileSync(file, 'utf8'))

function attempt<T>(file: string, readIt: () => T): T {
  try {
    return readIt()
  } catch (err) {
    throw new CliError(`--admission-control-config-file: ${file} cannot be read: ${fileProblem(err)}`)
  }
}
