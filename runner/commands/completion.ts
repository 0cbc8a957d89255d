/** Completion in a shell: its script asks `tributary complete`, which answers from the program itself. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Command, Option } from 'commander';
import { listTenants, readTenant } from '../../tenants/load.ts';
import { TributaryError } from '../core/errors.ts';
import { EXIT } from '../job/exit.ts';
import type { GlobalOptions } from './outcome.ts';

const RECENT = 20;

const SCRIPTS: Readonly<Record<string, string>> = {
  bash: `# eval "$(tributary completion bash)"
_tributary() {
  local IFS=$' \\t\\n' typed="\${COMP_LINE:0:COMP_POINT}" words
  read -ra words <<< "$typed"
  [[ $typed == *' ' ]] && words+=('')
  IFS=$'\\n'
  COMPREPLY=($("\${words[0]}" complete -- "\${words[@]:1}" 2>/dev/null))
}
complete -o default -F _tributary tributary
`,
  zsh: `#compdef tributary
# eval "$(tributary completion zsh)"
_tributary() {
  local -a found
  found=(\${(f)"$("\${words[1]}" complete -- "\${(@)words[2,CURRENT]}" 2>/dev/null)"})
  if (( $#found )); then compadd -a found; else _files; fi
}
compdef _tributary tributary
`,
  fish: `# tributary completion fish | source
function __tributary_complete
    set -l words (commandline -opc)
    $words[1] complete -- $words[2..] (commandline -ct) 2>/dev/null
end
complete -c tributary -f -a '(__tributary_complete)'
`,
};

/**
 * Prints the script that a shell evaluates.
 *
 * @throws USAGE for a shell that is not known
 */
export async function completion(_: GlobalOptions, shell: string): Promise<number> {
  const script = SCRIPTS[shell];
  if (script === undefined)
    throw new TributaryError('USAGE', {
      reason: `There is no completion for ${shell}.`,
      advice: `Write: tributary completion ${Object.keys(SCRIPTS).join('|')}`,
    });
  process.stdout.write(script);
  return EXIT.done;
}

/** Prints what may stand in place of the last of these words, one a line; nothing where the shell knows better (files). */
export async function complete(program: Command, words: readonly string[]): Promise<void> {
  const last = words.at(-1) ?? '';
  for (const candidate of await candidates(program, words.slice(0, -1), last.startsWith('-')))
    if (candidate.startsWith(last)) process.stdout.write(`${candidate}\n`);
}

async function candidates(
  program: Command,
  before: readonly string[],
  wantsOption: boolean,
): Promise<readonly string[]> {
  let self = program;
  let folder = program.opts<GlobalOptions>().tenants;
  const operands: string[] = [];
  const rest = [...before];
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    const [name, inline] = word.split('=');
    const option = optionsOf(program, self).find(({ long, short }) => name === long || name === short);
    if (option !== undefined && takesValue(option)) {
      const value = inline ?? rest.shift();
      if (value === undefined) return option.argChoices ?? [];
      if (option.attributeName() === 'tenants') folder = value;
    } else if (word.startsWith('-')) continue;
    else if (self !== program) operands.push(word);
    else {
      const named = program.commands.find((command) => command.name() === word);
      if (named === undefined) return [];
      self = named;
    }
  }
  if (wantsOption) return optionsOf(program, self).flatMap(({ long }) => (long ? [long] : []));
  if (self === program)
    return program
      .createHelp()
      .visibleCommands(program)
      .map((command) => command.name());
  return argumentValues(self, operands, folder);
}

/** Its own options and the program's. */
function optionsOf(program: Command, self: Command): readonly Option[] {
  const help = program.createHelp();
  return [...new Set([...help.visibleOptions(self), ...program.options])];
}

function takesValue({ required, optional }: Option): boolean {
  return required || optional;
}

async function argumentValues(self: Command, operands: readonly string[], folder: string): Promise<readonly string[]> {
  const argument = self.registeredArguments[operands.length];
  if (argument?.argChoices !== undefined) return argument.argChoices;
  const tenantAt = self.registeredArguments.findIndex((one) => one.name() === 'tenant');
  switch (argument?.name()) {
    case 'tenant':
      return listTenants(folder);
    case 'source':
      return Object.keys(readTenant(join(folder, `${operands[tenantAt]}.yaml`)).tenant?.sources ?? {});
    case 'connection':
      return Object.keys(readTenant(join(folder, `${operands[tenantAt]}.yaml`)).tenant?.connections ?? {});
    case 'object':
      return objectsInUse(join(folder, `${operands[tenantAt]}.yaml`), operands.at(-1) ?? '');
    case 'run':
      return recentRuns(operands[tenantAt]);
    default:
      return [];
  }
}

/** Those that the tenant file reads already; the source itself is not asked while somebody types. */
async function objectsInUse(file: string, connection: string): Promise<readonly string[]> {
  const { namesInUse } = await import('../job/object-name.ts');
  const { tenant } = readTenant(file);
  return tenant === null ? [] : namesInUse(tenant, connection);
}

/** Of one tenant those that were committed, for an undo; else of all, for their logs. */
async function recentRuns(tenant: string | undefined): Promise<readonly string[]> {
  const { openStore, STORE } = await import('./context.ts');
  if (!existsSync(STORE)) return [];
  await using store = await openStore();
  const found = await store.list({ limit: RECENT, ...(tenant === undefined ? {} : { tenant }) });
  return found.filter(({ status }) => tenant === undefined || status === 'succeeded').map(({ runId }) => runId);
}
