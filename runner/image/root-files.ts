/** The least that Node runs on, of Debian's packages: a base where no registry of images is reached. */
import { chmodSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from './command.ts';

/** `gcc-12-base` holds the licences of the two after it. */
const PACKAGES = ['libc6', 'gcc-12-base', 'libgcc-s1', 'libstdc++6', 'ca-certificates', 'tzdata'];
const SUITE = 'bookworm';
/** As in distroless images. */
export const USER = 65532;

/** What no process of ours opens: programs above all. */
const NEEDLESS = [
  'bin',
  'sbin',
  'usr/{bin,sbin,libexec}',
  'usr/lib/*/{gconv,audit}',
  'usr/share/{man,lintian,bug,locale,gcc,gdb}',
];
const NEEDLESS_DOCS = 'usr/share/doc/*/!(copyright)';

/** @param folder becomes `/`; fetches from Debian's mirror, as root */
export async function putRoot(folder: string, scratch: string): Promise<void> {
  const fetched = join(scratch, 'packages');
  const options = [
    '--quiet',
    '--mode=root',
    '--variant=extract',
    '--skip=cleanup/apt',
    `--include=${PACKAGES.join(',')}`,
  ];
  await run(['mmdebstrap', ...options, SUITE, fetched]);
  const status = join(folder, 'var/lib/dpkg/status.d');
  mkdirSync(status, { recursive: true });
  for (const name of PACKAGES) {
    const [file] = globSync(join(fetched, `var/cache/apt/archives/${name}_*.deb`));
    if (file === undefined) throw new Error(`mmdebstrap fetched no ${name}`);
    await run(['dpkg-deb', '--extract', file, folder]);
    writeFileSync(join(status, name), await run(['dpkg-deb', '--field', file]));
  }
  const needless = [...NEEDLESS, NEEDLESS_DOCS].flatMap((pattern) => globSync(join(folder, pattern)));
  for (const path of needless) rmSync(path, { recursive: true, force: true });
  const certificates = globSync(join(folder, 'usr/share/ca-certificates/mozilla/*.crt')).sort();
  put(folder, 'etc/ssl/certs/ca-certificates.crt', certificates.map((file) => readFileSync(file, 'utf8')).join(''));
  put(
    folder,
    'etc/passwd',
    `root:x:0:0:root:/root:/sbin/nologin\nnonroot:x:${USER}:${USER}:nonroot:/tmp:/sbin/nologin\n`,
  );
  put(folder, 'etc/group', `root:x:0:\nnonroot:x:${USER}:\n`);
  put(folder, 'etc/nsswitch.conf', 'hosts: files dns\n');
  put(folder, 'etc/os-release', 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nID=debian\nVERSION_ID="12"\n');
  for (const name of ['tmp', 'proc', 'dev', 'sys']) mkdirSync(join(folder, name), { recursive: true });
  chmodSync(join(folder, 'tmp'), 0o1777);
}

function put(folder: string, path: string, content: string): void {
  const file = join(folder, path);
  mkdirSync(join(file, '..'), { recursive: true });
  writeFileSync(file, content);
}
