/** Entry of `pulumi-resource-gcp`, `-aws` and `-azure-native`: the first argument says which. */
import { Provider } from './provider.ts';
import { realiseThere } from './realised/change.ts';
import { endWithEngine } from './rpc.ts';
import { isProviderName, providerNames } from './schema.ts';
import { serve } from './server.ts';
import { Store } from './store.ts';

const [name] = process.argv.slice(2);
const folder = process.env.TRIBUTARY_CLOUD;
if (!isProviderName(name)) throw new Error(`the first argument must be one of ${providerNames.join(', ')}`);
if (folder === undefined) throw new Error('TRIBUTARY_CLOUD must name the folder of the simulated cloud');

const realiser = process.env.TRIBUTARY_REALISER;
const realise = realiser === undefined ? undefined : realiseThere(realiser);
console.log(await serve(new Provider(name, new Store(folder), realise)));

endWithEngine();
