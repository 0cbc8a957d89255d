import { z } from 'zod';
import { datastreamStream } from './streams-datastream.ts';
import { pubsubStream } from './streams-pubsub.ts';

/** What flows into the warehouse by itself: no schedule, no run. */
export const streamSchema = z
  .discriminatedUnion('kind', [datastreamStream, pubsubStream])
  .meta({ title: 'Stream', description: 'What flows in by itself, without a run; `kind` decides the other keys.' });

export type StreamSpec = z.infer<typeof streamSchema>;
export type StreamKind = StreamSpec['kind'];
export type StreamOf<K extends StreamKind> = Extract<StreamSpec, { kind: K }>;
