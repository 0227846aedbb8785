import type { Attributes } from '@opentelemetry/api';
import type { InstrumentationScope, Resource } from '../sdk.js';
import type { AttributedScope } from './envelope.js';

/** What stands for the resources and scopes of spans whose attributes are not to be seen as they are. */
export interface StandIns {
  readonly resource: (of: Resource) => Resource;
  readonly scope: (of: InstrumentationScope) => InstrumentationScope;
}

/**
 * Creates stand-ins, one for each resource and scope, since exporters group spans by these.
 *
 * @param show - Makes the attributes that are seen.
 */
export function createStandIns(show: (attributes: Attributes) => Attributes): StandIns {
  return {
    resource: createStandInsOf((resource) => new ShownResource(resource, show)),
    scope: createStandInsOf((scope) => showScope(scope, show)),
  };
}

function createStandInsOf<T extends object>(create: (of: T) => T): (of: T) => T {
  const standIns = new WeakMap<T, T>();
  return (of) => {
    let standIn = standIns.get(of);
    if (standIn === undefined) {
      standIn = create(of);
      standIns.set(of, standIn);
    }
    return standIn;
  };
}

/** A resource of which some attributes may be pending, and so have not been shown yet. */
class ShownResource implements Resource {
  readonly schemaUrl?: string;
  readonly #resource: Resource;
  readonly #show: (attributes: Attributes) => Attributes;
  #shown: Attributes | undefined;

  constructor(resource: Resource, show: (attributes: Attributes) => Attributes) {
    this.#resource = resource;
    this.#show = show;
    if (resource.schemaUrl !== undefined) this.schemaUrl = resource.schemaUrl;
  }

  get asyncAttributesPending(): boolean {
    return this.#resource.asyncAttributesPending === true;
  }

  get attributes(): Attributes {
    if (this.#shown !== undefined) return this.#shown;
    const isFinal = !this.asyncAttributesPending;
    const shown = this.#show(this.#resource.attributes);
    if (isFinal) this.#shown = shown;
    return shown;
  }

  async waitForAsyncAttributes(): Promise<void> {
    await this.#resource.waitForAsyncAttributes?.();
  }
}

function showScope(
  scope: AttributedScope,
  show: (attributes: Attributes) => Attributes,
): AttributedScope {
  const { name, version, schemaUrl, attributes, droppedAttributesCount } = scope;
  return Object.freeze({
    name,
    ...(version !== undefined && { version }),
    ...(schemaUrl !== undefined && { schemaUrl }),
    ...(attributes !== undefined && { attributes: show(attributes) }),
    ...(droppedAttributesCount !== undefined && { droppedAttributesCount }),
  });
}
