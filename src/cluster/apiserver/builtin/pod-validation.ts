import { deepCopy, deepEqual } from "../../../base/json.ts";
import { dnsLabelProblems, portNameProblems } from "../../../kube/names.ts";
import type { FieldProblem } from "../resource.ts";
import { duplicate, forbidden, invalid, notFound, notSupported, required } from "../schema/problems.ts";
import { type Fields, fieldsOf, listOf } from "./define.ts";

/** The rules of a pod spec that people meet (K8S-190). `path` is where the spec stands in its object. */
export function validatePodSpec(spec: Fields | undefined, path: string): readonly FieldProblem[] {
  const volumes = listOf(spec, "volumes");
  const volumeNames = new Set(volumes.map(({ name }) => name));
  const containers = listOf(spec, "containers");
  const initContainers = listOf(spec, "initContainers");
  const problems = [...validateVolumes(volumes, `${path}.volumes`)];
  if (containers.length === 0) problems.push(required(`${path}.containers`));
  const seen = new Set<unknown>();
  problems.push(
    ...validateContainers(containers, { path: `${path}.containers`, seen, volumeNames }),
    ...validateContainers(initContainers, { path: `${path}.initContainers`, seen, volumeNames }),
    ...supported(spec, "restartPolicy", path, ["Always", "OnFailure", "Never"]),
    ...supported(spec, "dnsPolicy", path, ["ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"]),
    ...notNegative(spec, "terminationGracePeriodSeconds", path),
  );
  return problems;
}

interface ContainerPlace {
  readonly path: string;
  /** Names of all containers so far: init and main ones share one set. */
  readonly seen: Set<unknown>;
  readonly volumeNames: ReadonlySet<unknown>;
}

function validateContainers(containers: readonly Fields[], place: ContainerPlace): readonly FieldProblem[] {
  return containers.flatMap((container, index) => {
    const path = `${place.path}[${index}]`;
    return [
      ...uniqueName(container, path, place.seen),
      ...(container["image"] ? [] : [required(`${path}.image`)]),
      ...supported(container, "imagePullPolicy", path, ["Always", "IfNotPresent", "Never"]),
      ...validatePorts(listOf(container, "ports"), `${path}.ports`),
      ...validateEnv(listOf(container, "env"), `${path}.env`),
      ...validateMounts(listOf(container, "volumeMounts"), `${path}.volumeMounts`, place.volumeNames),
      ...["livenessProbe", "readinessProbe", "startupProbe"].flatMap((name) =>
        validateProbe(fieldsOf(container, name), `${path}.${name}`),
      ),
      ...validateResources(fieldsOf(container, "resources"), `${path}.resources`),
    ];
  });
}

function uniqueName(item: Fields, path: string, seen: Set<unknown>): readonly FieldProblem[] {
  const name = item["name"];
  if (typeof name !== "string" || name === "") return [required(`${path}.name`)];
  if (seen.has(name)) return [duplicate(`${path}.name`, name)];
  seen.add(name);
  return dnsLabelProblems(name).map((problem) => invalid(`${path}.name`, name, problem));
}

function validatePorts(ports: readonly Fields[], path: string): readonly FieldProblem[] {
  const names = new Set<unknown>();
  return ports.flatMap((port, index) => {
    const { name, containerPort, hostPort } = port;
    const problems: FieldProblem[] = [];
    if (typeof name === "string" && name !== "") {
      problems.push(...portNameProblems(name).map((problem) => invalid(`${path}[${index}].name`, name, problem)));
      if (names.has(name)) problems.push(duplicate(`${path}[${index}].name`, name));
      names.add(name);
    }
    if (containerPort === undefined || containerPort === 0) problems.push(required(`${path}[${index}].containerPort`));
    else problems.push(...portNumber(containerPort, `${path}[${index}].containerPort`));
    if (hostPort) problems.push(...portNumber(hostPort, `${path}[${index}].hostPort`));
    return [...problems, ...supported(port, "protocol", `${path}[${index}]`, PROTOCOLS)];
  });
}

export const PROTOCOLS = ["SCTP", "TCP", "UDP"];

export function portNumber(port: unknown, path: string): readonly FieldProblem[] {
  const isValid = typeof port === "number" && port >= 1 && port <= 65535;
  return isValid ? [] : [invalid(path, port, "must be between 1 and 65535, inclusive")];
}

/** A number, or the name of a container's port. */
export function portReference(port: unknown, path: string): readonly FieldProblem[] {
  if (typeof port !== "string") return portNumber(port, path);
  return portNameProblems(port).map((problem) => invalid(path, port, problem));
}

function validateEnv(env: readonly Fields[], path: string): readonly FieldProblem[] {
  return env.flatMap((variable, index) => {
    const { name, value } = variable;
    const problems: FieldProblem[] = [];
    if (typeof name !== "string" || name === "") problems.push(required(`${path}[${index}].name`));
    else if (!/^[\x20-\x3c\x3e-\x7e]+$/.test(name)) {
      problems.push(
        invalid(
          `${path}[${index}].name`,
          name,
          "a valid environment variable name must consist only of printable ASCII characters other than '='",
        ),
      );
    }
    const source = fieldsOf(variable, "valueFrom");
    if (source && value) {
      problems.push(invalid(`${path}[${index}].valueFrom`, "", "may not be specified when `value` is not empty"));
    }
    if (source && Object.keys(source).length !== 1) {
      const detail =
        Object.keys(source).length === 0
          ? "must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef` or `secretKeyRef`"
          : "may not have more than one field specified at a time";
      problems.push(invalid(`${path}[${index}].valueFrom`, "", detail));
    }
    return problems;
  });
}

function validateMounts(
  mounts: readonly Fields[],
  path: string,
  volumeNames: ReadonlySet<unknown>,
): readonly FieldProblem[] {
  const paths = new Set<unknown>();
  return mounts.flatMap(({ name, mountPath }, index) => {
    const problems: FieldProblem[] = [];
    if (!name) problems.push(required(`${path}[${index}].name`));
    else if (!volumeNames.has(name)) problems.push(notFound(`${path}[${index}].name`, name));
    if (!mountPath) problems.push(required(`${path}[${index}].mountPath`));
    else if (paths.has(mountPath)) problems.push(invalid(`${path}[${index}].mountPath`, mountPath, "must be unique"));
    paths.add(mountPath);
    return problems;
  });
}

const PROBE_HANDLERS = ["exec", "httpGet", "tcpSocket", "grpc"];

function validateProbe(probe: Fields | undefined, path: string): readonly FieldProblem[] {
  if (!probe) return [];
  const problems: FieldProblem[] = [];
  const handlers = PROBE_HANDLERS.filter((name) => probe[name] !== undefined);
  if (handlers.length === 0) problems.push(required(path, "must specify a handler type"));
  for (const name of handlers.slice(1)) {
    problems.push(forbidden(`${path}.${name}`, "may not specify more than 1 handler type"));
  }
  for (const name of ["httpGet", "tcpSocket"]) {
    const handler = fieldsOf(probe, name);
    if (handler) problems.push(...portReference(handler["port"], `${path}.${name}.port`));
  }
  for (const name of [
    "initialDelaySeconds",
    "timeoutSeconds",
    "periodSeconds",
    "successThreshold",
    "failureThreshold",
  ]) {
    problems.push(...notNegative(probe, name, path));
  }
  if (!path.endsWith("readinessProbe") && probe["successThreshold"] !== 1 && probe["successThreshold"] !== undefined) {
    problems.push(invalid(`${path}.successThreshold`, probe["successThreshold"], "must be 1"));
  }
  return problems;
}

const QUANTITY = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+|[numkMGTPE]|[KMGTPE]i)?$/;

function validateResources(resources: Fields | undefined, path: string): readonly FieldProblem[] {
  return ["limits", "requests"].flatMap((part) =>
    Object.entries(fieldsOf(resources, part) ?? {})
      .filter(([, quantity]) => !QUANTITY.test(String(quantity)))
      .map(([name, quantity]) =>
        invalid(
          `${path}.${part}[${name}]`,
          quantity,
          "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
        ),
      ),
  );
}

function validateVolumes(volumes: readonly Fields[], path: string): readonly FieldProblem[] {
  const seen = new Set<unknown>();
  return volumes.flatMap((volume, index) => {
    const sources = Object.keys(volume).filter((key) => key !== "name");
    return [
      ...uniqueName(volume, `${path}[${index}]`, seen),
      ...(sources.length === 0 ? [required(`${path}[${index}]`, "must specify a volume type")] : []),
      ...sources
        .slice(1)
        .map((source) => forbidden(`${path}[${index}].${source}`, "may not specify more than 1 volume type")),
    ];
  });
}

export function supported(
  owner: Fields | undefined,
  key: string,
  path: string,
  values: readonly string[],
): readonly FieldProblem[] {
  const value = owner?.[key];
  if (value === undefined || values.includes(value as string)) return [];
  return [notSupported(path === "" ? key : `${path}.${key}`, value, values)];
}

export function notNegative(owner: Fields | undefined, key: string, path: string): readonly FieldProblem[] {
  const value = owner?.[key];
  if (typeof value !== "number" || value >= 0) return [];
  return [invalid(`${path}.${key}`, value, "must be greater than or equal to 0")];
}

const POD_UPDATE_TEXT =
  "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)";

/** K8S-190: a pod is what it was made; these few fields may change. */
export function validatePodUpdate(spec: Fields, old: Fields): readonly FieldProblem[] {
  const goal = deepCopy(spec);
  const oldTolerations = listOf(old, "tolerations");
  const tolerations = listOf(spec, "tolerations");
  if (oldTolerations.every((known) => tolerations.some((toleration) => deepEqual(toleration, known)))) {
    goal["tolerations"] = old["tolerations"];
  }
  for (const key of ["containers", "initContainers"]) copyImages(listOf(goal, key), listOf(old, key));
  if (Number(old["terminationGracePeriodSeconds"]) < 0 && spec["terminationGracePeriodSeconds"] === 1) {
    goal["terminationGracePeriodSeconds"] = old["terminationGracePeriodSeconds"];
  }
  // Deadlines and gates have rules of their own; ephemeral containers come through their subresource.
  for (const key of ["activeDeadlineSeconds", "schedulingGates", "ephemeralContainers"]) goal[key] = old[key];
  return deepEqual(goal, old) ? [] : [forbidden("spec", POD_UPDATE_TEXT)];
}

function copyImages(containers: readonly Fields[], old: readonly Fields[]): void {
  if (containers.length !== old.length) return;
  containers.forEach((container, index) => {
    if (old[index]) container["image"] = old[index]["image"];
  });
}
