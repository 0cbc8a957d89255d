/** Callers on a laptop: whoever is logged in to the machine. */
import { userInfo } from 'node:os';
import { type Authenticator, Unauthenticated } from './caller.ts';
import { isLocalHost, isLoopback } from './loopback.ts';

/** Nobody signs in; only the loopback gets in, and only under a name of it. */
export function laptopAuthenticator(): Authenticator {
  const email = `${nameOfUser()}@localhost`;
  return {
    async authenticate({ peer, host }) {
      if (!isLoopback(peer)) throw new Unauthenticated('not from this machine');
      if (!isLocalHost(host)) throw new Unauthenticated('for another host');
      return { kind: 'laptop', email };
    },
  };
}

/** In a container the user may have a number only. */
function nameOfUser(): string {
  try {
    return userInfo().username;
  } catch {
    return 'user';
  }
}
