// The door for other languages: what `pulumi package add` runs, found through PulumiPlugin.yaml and `main` of
// package.json. JavaScript, because Pulumi loads it with `require`; what it imports is TypeScript run by Node.
import provider from '@pulumi/pulumi/provider/experimental/index.js';
import * as exported from '../index.ts';

provider.componentProviderHost({
  name: 'tributary',
  dirname: import.meta.dirname,
  components: Object.values(exported),
});
