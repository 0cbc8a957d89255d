/** The named steps of a connection test. */
import type { Check, ObjectRef } from '../../core/contracts/source.ts';
import { problemOf, TributaryError } from '../../core/errors.ts';
import { type FirestoreClient, type FirestoreConnection, openClient } from './client.ts';
import { factsOf, firestoreProblem } from './errors.ts';
import { objectName } from './names.ts';
import { countQuery, documentsQuery, orderedQuery } from './queries.ts';

/** An answer without a document holds a time alone. */
const FEW_BYTES = 40;

interface Target {
  readonly object?: ObjectRef;
  readonly cursor?: string;
}

interface Step {
  readonly id: string;
  readonly title: string;
  readonly run: (client: FirestoreClient) => Promise<string>;
}

export async function* checkConnection(
  connection: FirestoreConnection,
  target: Target,
  signal: AbortSignal,
): AsyncIterable<Check> {
  const facts = factsOf(connection, target.object === undefined ? undefined : objectName(target.object));
  const steps = stepsOf(target, signal);
  let client: FirestoreClient | null = null;
  try {
    for (const { id, title, run } of steps) {
      const started = performance.now();
      const ms = () => Math.round(performance.now() - started);
      try {
        client ??= await openClient(connection);
        const found = await run(client);
        const empty = id === 'object' && found.startsWith('0 ');
        yield {
          id,
          title,
          status: empty ? 'warn' : 'pass',
          found,
          ms: ms(),
          ...(empty ? { problem: missing(facts) } : {}),
        };
      } catch (error) {
        yield { id, title, status: 'fail', ms: ms(), problem: problemOf(firestoreProblem(error, facts)) };
        return;
      }
    }
  } finally {
    await client?.[Symbol.asyncDispose]();
  }
}

function stepsOf({ object, cursor }: Target, signal: AbortSignal): readonly Step[] {
  const steps: Step[] = [
    {
      id: 'login',
      title: 'Reach the database and be let in',
      run: async ({ sdk, call, root }) => {
        const [ids] = await (await sdk()).listCollectionIds(
          { parent: root, pageSize: 1 },
          { ...call, autoPaginate: false },
        );
        return ids.length === 0 ? 'no collection at the root' : 'collections at the root';
      },
    },
  ];
  if (object === undefined) return steps;
  steps.push(
    {
      id: 'read',
      title: 'Read a document',
      run: async (client) => {
        let found = 'none is there';
        const query = documentsQuery(client.root, { object, fields: [], window: null, limit: 1 });
        await client.run(query, (message) => (found = message.length > FEW_BYTES ? 'read' : found), signal);
        return found;
      },
    },
    {
      id: 'object',
      title: 'Count the documents',
      run: async (client) => `${await client.count(countQuery(client.root, object, null))} documents`,
    },
  );
  if (cursor === undefined) return steps;
  steps.push({
    id: 'cursor',
    title: 'Ask by the cursor',
    run: async (client) =>
      `${await client.count(orderedQuery(client.root, object, cursor, 'TIMESTAMP'))} documents have a time there`,
  });
  return steps;
}

function missing(facts: ReturnType<typeof factsOf>) {
  return new TributaryError('SOURCE_OBJECT_MISSING', facts).problem;
}
