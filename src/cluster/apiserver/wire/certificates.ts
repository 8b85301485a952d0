/**
 * The cluster's own certificate authority, its server certificate and the administrator's token (K8S-40, K8S-176).
 * Made once and kept in the data directory, so that a kubeconfig goes on working over restarts.
 */
import { createPrivateKey, webcrypto, X509Certificate } from "node:crypto";
import { chmod, mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "../../../base/clock.ts";
import { secretToken } from "../../../base/random.ts";
import type { Instant } from "../../../base/time.ts";

export interface ServerCertificates {
  readonly caPem: string;
  readonly caKeyPem: string;
  readonly certificatePem: string;
  readonly keyPem: string;
}

export interface Credentials extends ServerCertificates {
  readonly adminToken: string;
}

export interface CredentialOptions {
  readonly directory: string;
  readonly clock: Clock;
  /** IP addresses and DNS names besides the usual ones. */
  readonly extraNames?: readonly string[];
}

const DAY_MS = 24 * 3600 * 1000;
/** As kubeadm's CA: a development cluster should outlive the interest in it. */
const CA_DAYS = 3650;
const LEAF_DAYS = 3650;
/** A certificate of a machine whose clock is a little ahead must be valid on ours. */
const BACKDATE_MS = DAY_MS;
/** A server certificate that ends sooner than this is made anew at start. */
const RENEW_BEFORE_MS = 30 * DAY_MS;

/** What clients in the cluster and on the machine call the server. */
const SERVER_NAMES = [
  "localhost",
  "kubernetes",
  "kubernetes.default",
  "kubernetes.default.svc",
  "kubernetes.default.svc.cluster.local",
  "127.0.0.1",
  "::1",
];

const FILES = {
  caPem: "ca.crt",
  caKeyPem: "ca.key",
  certificatePem: "apiserver.crt",
  keyPem: "apiserver.key",
  adminToken: "admin.token",
} as const;

/** Reads the credentials, or makes those that are missing or no longer fit. */
export async function loadOrCreateCredentials(options: CredentialOptions): Promise<Credentials> {
  const names = [...SERVER_NAMES, ...(options.extraNames ?? [])];
  await mkdir(options.directory, { recursive: true, mode: 0o700 });
  const kept = await readCredentials(options.directory);
  const now = options.clock.now();
  const authority =
    kept.caPem && kept.caKeyPem && isPair(kept.caPem, kept.caKeyPem) && isCurrent(kept.caPem, now)
      ? { certificatePem: kept.caPem, keyPem: kept.caKeyPem }
      : await createAuthority(now);
  const server =
    kept.certificatePem && kept.keyPem && isServerCertificateOf(authority.certificatePem, kept, names, now)
      ? { certificatePem: kept.certificatePem, keyPem: kept.keyPem }
      : await issueCertificate(authority, { commonName: "kube-apiserver", organizations: [], names, now });
  const credentials: Credentials = {
    caPem: authority.certificatePem,
    caKeyPem: authority.keyPem,
    ...server,
    adminToken: kept.adminToken?.trim() || secretToken(),
  };
  for (const [field, file] of Object.entries(FILES) as [keyof Credentials, string][]) {
    if (kept[field] !== credentials[field]) await writePrivate(join(options.directory, file), credentials[field]);
  }
  return credentials;
}

async function readCredentials(directory: string): Promise<Partial<Credentials>> {
  const entries = await Promise.all(
    Object.entries(FILES).map(async ([field, file]) => [field, await readIfPresent(join(directory, file))] as const),
  );
  return Object.fromEntries(entries.filter(([, text]) => text !== null));
}

async function readIfPresent(path: string): Promise<string | null> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw error;
  }
}

/** Whole or not at all, and readable by its owner alone from the first byte on. */
export async function writePrivate(path: string, text: string): Promise<void> {
  const draft = `${path}.new`;
  await writeFile(draft, text, { mode: 0o600 });
  await chmod(draft, 0o600);
  await rename(draft, path);
}

function isPair(certificatePem: string, keyPem: string): boolean {
  try {
    return new X509Certificate(certificatePem).checkPrivateKey(createPrivateKey(keyPem));
  } catch {
    return false;
  }
}

function isCurrent(certificatePem: string, now: Instant): boolean {
  const { validFrom, validTo } = new X509Certificate(certificatePem);
  return Date.parse(validFrom) <= now && Date.parse(validTo) - RENEW_BEFORE_MS > now;
}

function isServerCertificateOf(
  caPem: string,
  { certificatePem = "", keyPem = "" }: Partial<Credentials>,
  names: readonly string[],
  now: Instant,
): boolean {
  if (!isPair(certificatePem, keyPem) || !isCurrent(certificatePem, now)) return false;
  const certificate = new X509Certificate(certificatePem);
  const authority = new X509Certificate(caPem);
  if (!certificate.checkIssued(authority) || !certificate.verify(authority.publicKey)) {
    return false;
  }
  return names.every((name) =>
    isIpAddress(name) ? certificate.checkIP(name) !== undefined : certificate.checkHost(name) !== undefined,
  );
}

function isIpAddress(name: string): boolean {
  return name.includes(":") || /^\d+\.\d+\.\d+\.\d+$/.test(name);
}

export interface IssuedCertificate {
  readonly certificatePem: string;
  readonly keyPem: string;
}

const ALGORITHM = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" } as const;

/** The X.509 library takes a while to load and is needed at the first start only. */
async function loadX509() {
  await import("reflect-metadata");
  const x509 = await import("@peculiar/x509");
  x509.cryptoProvider.set(webcrypto as Crypto);
  return x509;
}

async function createKeys() {
  return await webcrypto.subtle.generateKey(ALGORITHM, true, ["sign", "verify"]);
}

async function exportKey(key: CryptoKey): Promise<string> {
  const der = Buffer.from(await webcrypto.subtle.exportKey("pkcs8", key));
  return createPrivateKey({ key: der, format: "der", type: "pkcs8" })
    .export({ format: "pem", type: "pkcs8" })
    .toString();
}

async function importKey(pem: string): Promise<CryptoKey> {
  const der = createPrivateKey(pem).export({ format: "der", type: "pkcs8" });
  return (await webcrypto.subtle.importKey("pkcs8", der, ALGORITHM, true, ["sign"])) as CryptoKey;
}

async function createAuthority(now: Instant): Promise<IssuedCertificate> {
  const x509 = await loadX509();
  const keys = await createKeys();
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: `CN=fairway-ca-${new Date(now).toISOString().slice(0, 10)}`,
    notBefore: new Date(now - BACKDATE_MS),
    notAfter: new Date(now + CA_DAYS * DAY_MS),
    signingAlgorithm: ALGORITHM,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { certificatePem: `${certificate.toString("pem")}\n`, keyPem: await exportKey(keys.privateKey) };
}

export interface CertificateRequest {
  /** For clients the user name, with the organizations as groups (K8S-175). */
  readonly commonName: string;
  readonly organizations: readonly string[];
  /** Subject alternative names; none for clients. */
  readonly names: readonly string[];
  readonly now: Instant;
}

/** A certificate for a server (with names) or a client (without). */
export async function issueCertificate(
  authority: IssuedCertificate,
  { commonName, organizations, names, now }: CertificateRequest,
): Promise<IssuedCertificate> {
  const x509 = await loadX509();
  const keys = await createKeys();
  const issuer = new x509.X509Certificate(authority.certificatePem);
  const usage = names.length > 0 ? x509.ExtendedKeyUsage.serverAuth : x509.ExtendedKeyUsage.clientAuth;
  const alternatives = names.map((name) => ({ type: isIpAddress(name) ? "ip" : "dns", value: name }) as const);
  const certificate = await x509.X509CertificateGenerator.create({
    subject: [...organizations.map((organization) => ({ O: [organization] })), { CN: [commonName] }],
    issuer: issuer.subject,
    notBefore: new Date(now - BACKDATE_MS),
    notAfter: new Date(now + LEAF_DAYS * DAY_MS),
    signingAlgorithm: ALGORITHM,
    publicKey: keys.publicKey,
    signingKey: await importKey(authority.keyPem),
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([usage]),
      await x509.AuthorityKeyIdentifierExtension.create(issuer.publicKey),
      ...(alternatives.length > 0 ? [new x509.SubjectAlternativeNameExtension(alternatives)] : []),
    ],
  });
  return { certificatePem: `${certificate.toString("pem")}\n`, keyPem: await exportKey(keys.privateKey) };
}

export interface KubeconfigFacts {
  readonly server: string;
  readonly caPem: string;
  readonly token: string;
  /** Default `default`. */
  readonly namespace?: string;
}

/** A kubeconfig with one context named `fairway` (K8S-40). JSON is YAML; quoting is then nobody's problem. */
export function renderKubeconfig({ server, caPem, token, namespace = "default" }: KubeconfigFacts): string {
  const ca = Buffer.from(caPem, "utf8").toString("base64");
  return [
    "apiVersion: v1",
    "kind: Config",
    "clusters:",
    "- name: fairway",
    "  cluster:",
    `    server: ${JSON.stringify(server)}`,
    `    certificate-authority-data: ${ca}`,
    "users:",
    "- name: fairway-admin",
    "  user:",
    `    token: ${JSON.stringify(token)}`,
    "contexts:",
    "- name: fairway",
    "  context:",
    "    cluster: fairway",
    "    user: fairway-admin",
    `    namespace: ${JSON.stringify(namespace)}`,
    "current-context: fairway",
    "",
  ].join("\n");
}
