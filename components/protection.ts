/** What a destroy may take along, as resource options and as the provider's own guard. */
import type { CustomResourceOptions, Resource } from '@pulumi/pulumi';

interface Place {
  readonly parent: Resource;
  readonly dependsOn?: Resource[];
}

/** Data: never replaced by accident, and left where it is when its stack goes. Both said, because only one is inherited. */
export function dataOptions(place: Place, guarded: boolean): CustomResourceOptions {
  return { ...place, protect: guarded, retainOnDelete: guarded };
}

/** Compute: comes and goes; its name is taken, so the old one goes first. */
export function computeOptions(place: Place, guarded: boolean): CustomResourceOptions {
  return { ...place, protect: guarded, deleteBeforeReplace: true };
}

/** The guard in the provider, which holds where the engine's is not asked. */
export function deletionPolicy(guarded: boolean): string {
  return guarded ? 'PREVENT' : 'DELETE';
}
