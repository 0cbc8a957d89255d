/** A view of what happens to stacks: a live tree on a terminal, JSON lines for programs, plain lines otherwise. */
import type { Operation, ProvisionEvent, ResourceProgress, StackOutcome } from '../../stacks/provision/contract.ts';
import type { Provisioned } from '../../stacks/provision/provisioner.ts';
import { Screen } from './screen.ts';
import { countsText, treeLines, typeText } from './stack-tree.ts';

interface Mode {
  readonly json: boolean;
  readonly terminal: boolean;
  /** One line a stack instead of one tree. */
  readonly many: boolean;
}

interface Shown {
  operation: Operation;
  step: string;
  readonly resources: Map<string, ResourceProgress>;
  outcome?: StackOutcome;
}

export class StackDisplay {
  readonly #mode: Mode;
  readonly #stacks = new Map<string, Shown>();
  readonly #screen = new Screen(process.stderr);

  constructor(mode: Mode) {
    this.#mode = mode;
  }

  show(event: ProvisionEvent): void {
    if (this.#mode.json) {
      process.stderr.write(`${JSON.stringify(event)}\n`);
      return;
    }
    const shown = this.#shown(event);
    switch (event.type) {
      case 'step':
        shown.step = event.step;
        shown.resources.clear();
        break;
      case 'resource':
        shown.resources.set(event.urn, event);
        break;
      case 'retry':
        shown.step = `waiting ${event.seconds} s: ${event.reason}`;
        break;
      case 'stack-end':
        shown.outcome = event.outcome;
        break;
    }
    if (this.#mode.terminal) this.#screen.draw(() => this.#live());
    else this.#line(event);
  }

  end(): void {
    this.#screen.clear();
  }

  /** The tree of a single stack, or a line for each of many. */
  summary(): string {
    const lines = [...this.#stacks].flatMap(([stack, shown]) =>
      this.#mode.many ? [this.#stackLine(stack, shown)] : [`${stack}`, ...treeLines(shown.resources)],
    );
    return lines.length === 0 ? '' : `${lines.join('\n')}\n`;
  }

  /** What is to be known when all is over. */
  conclusion(operation: Operation, { outcomes, digest, unchanged, notBegun }: Provisioned): string {
    const lines: string[] = [];
    for (const outcome of outcomes) lines.push(...conclusionOf(operation, outcome, this.#mode.many));
    if (unchanged.length > 0) lines.push(`${unchanged.length} unchanged since their last up`);
    if (notBegun.length > 0) lines.push(`! not begun: ${notBegun.join(', ')}`);
    if (operation === 'preview' && digest !== undefined && outcomes.every(({ failure }) => failure === undefined)) {
      lines.push(`digest ${digest}`);
    }
    return lines.length === 0 ? '' : `${lines.join('\n')}\n`;
  }

  #shown({ stack, ...event }: ProvisionEvent): Shown {
    const known = this.#stacks.get(stack);
    const operation = event.type === 'stack-start' ? event.operation : (known?.operation ?? 'preview');
    if (known !== undefined && event.type !== 'stack-start') return known;
    const fresh: Shown = { operation, step: operation, resources: new Map() };
    this.#stacks.set(stack, fresh);
    return fresh;
  }

  #live(): string[] {
    const running = [...this.#stacks].filter(([, { outcome }]) => outcome === undefined);
    if (this.#mode.many) {
      const ended = this.#stacks.size - running.length;
      return [`${ended} done`, ...running.map(([stack, shown]) => this.#stackLine(stack, shown))];
    }
    return running.flatMap(([stack, { step, resources }]) => [`${stack}  ${step}`, ...treeLines(resources)]);
  }

  #stackLine(stack: string, { step, resources, outcome }: Shown): string {
    const counts: Record<string, number> = {};
    for (const { op, resourceType } of resources.values())
      if (!resourceType.startsWith('tributary:')) counts[op] = (counts[op] ?? 0) + 1;
    const what = countsText(counts, outcome?.operation === 'preview' ? 'future' : 'past') || 'no changes';
    const mark = outcome === undefined ? '…' : outcome.failure === undefined ? '✓' : '✗';
    return `${mark} ${stack.padEnd(26)} ${outcome === undefined ? step : what}`;
  }

  #line(event: ProvisionEvent): void {
    if (event.type === 'step') process.stderr.write(`${event.stack}: ${event.step}\n`);
    if (event.type === 'retry') process.stderr.write(`${event.stack}: again in ${event.seconds} s: ${event.reason}\n`);
    const { operation, step } = this.#stacks.get(event.stack) ?? {};
    const changing = (operation === 'up' || operation === 'destroy') && step !== 'preview';
    if (event.type !== 'resource' || event.op === 'same' || event.state === 'running' || !changing) return;
    if (event.resourceType === 'pulumi:pulumi:Stack') return;
    const name = event.urn.split('::').slice(3).join('::');
    process.stderr.write(`${event.stack}: ${event.op} ${typeText(event.resourceType)} ${name} ${event.state}\n`);
  }
}

function conclusionOf(operation: Operation, outcome: StackOutcome, many: boolean): string[] {
  const { stack, seconds, preview, drift, kept, done, failure } = outcome;
  const lines: string[] = [];
  for (const { policy, level, urn, message } of preview?.policies ?? [])
    if (!many || level === 'mandatory')
      lines.push(`! ${level} ${policy} ${urn?.split('::').at(-1) ?? stack}: ${message}`);
  for (const one of drift ?? [])
    lines.push(
      `${one.class === 'iam-added' ? '‼' : '!'} ${one.class} ${typeText(one.type)} ${one.urn.split('::').at(-1)} ${one.paths.join(', ')}`.trimEnd(),
    );
  if (many || failure !== undefined) return lines;
  const counts: Record<string, number> = {};
  for (const { op, type } of preview?.operations ?? [])
    if (!type.startsWith('tributary:')) counts[op] = (counts[op] ?? 0) + 1;
  const took = `in ${seconds.toFixed(1)} s`;
  if (operation === 'preview') lines.push(`✓ ${stack}: ${countsText(counts, 'future') || 'no changes'} ${took}`);
  if (operation === 'up' || operation === 'destroy')
    lines.push(`✓ ${stack}: ${countsText(done, 'past') || 'no changes'} ${took}`);
  if (operation === 'refresh' && drift?.length === 0) lines.push(`✓ ${stack}: nothing was changed past it, ${took}`);
  if (kept !== undefined && kept.length > 0) {
    lines.push(
      'This stays, with its data:',
      ...kept.map(({ type, id, urn }) => `  ${typeText(type)} ${id || urn.split('::').at(-1)}`),
      `To remove it later, for good: pulumi state unprotect --all --stack ${stack}, then pulumi destroy --stack ${stack};`,
      'what its provider guards as well must be freed there first (docs/stacks.md).',
    );
  }
  return lines;
}
