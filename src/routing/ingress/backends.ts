import type { KubeObject } from "../../api/meta.ts";
import type { IngressBackend } from "../../api/networking.ts";
import { serviceHost } from "../hosts.ts";
import { type RoutedService, readService } from "../services.ts";
import type { DestinationTarget } from "../virtual-service.ts";

/** A port that no service has: such a destination answers 503 (MESH-305). */
const NO_PORT = 0;

/** Finds the service ports that backends name. */
export class Backends {
  readonly #objects: ReadonlyMap<string, KubeObject>;
  readonly #services = new Map<string, RoutedService | null>();

  constructor(services: readonly KubeObject[]) {
    this.#objects = new Map(services.map((object) => [`${object.metadata.namespace}/${object.metadata.name}`, object]));
  }

  /** Null: the backend is no service. */
  targetOf(namespace: string, { service }: IngressBackend): DestinationTarget | null {
    if (!service?.name) return null;
    const { name, number } = service.port ?? {};
    const port = number || this.#portNamed(namespace, service.name, name ?? "");
    return { host: serviceHost(namespace, service.name), port, subset: "", label: "" };
  }

  #portNamed(namespace: string, service: string, port: string): number {
    return this.#service(`${namespace}/${service}`)?.ports.find(({ name }) => name === port)?.number ?? NO_PORT;
  }

  #service(key: string): RoutedService | null {
    let service = this.#services.get(key);
    if (service === undefined) {
      const object = this.#objects.get(key);
      service = object === undefined ? null : readService(object);
      this.#services.set(key, service);
    }
    return service;
  }
}
