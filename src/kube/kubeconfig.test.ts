import assert from "node:assert/strict";
import { test } from "node:test";
import { KubeconfigError, parseKubeconfig } from "./kubeconfig.ts";

function kubeconfig(user: string, rest = "current-context: one"): string {
  const ca = Buffer.from("PEM").toString("base64");
  return `
apiVersion: v1
kind: Config
clusters:
- name: c
  cluster: {server: "https://127.0.0.1:6443/", certificate-authority-data: ${ca}}
contexts:
- name: one
  context: {cluster: c, user: u, namespace: shop}
- name: bare
  context: {cluster: c}
- name: astray
  context: {cluster: nowhere, user: u}
users:
- name: u
  user: ${user}
${rest}
`;
}

test("K8S-40 server, authority, token and namespace of the current context", () => {
  assert.deepEqual(parseKubeconfig(kubeconfig("{token: abc}")), {
    server: "https://127.0.0.1:6443",
    caPem: "PEM",
    insecureSkipTlsVerify: false,
    tlsServerName: null,
    token: "abc",
    clientCertificatePem: null,
    clientKeyPem: null,
    context: "one",
    namespace: "shop",
  });
});

test("K8S-40 another context: no user, the default namespace", () => {
  const access = parseKubeconfig(kubeconfig("{token: abc}"), { context: "bare" });
  assert.deepEqual([access.token, access.namespace], [null, "default"]);
});

test("K8S-40 a client certificate", () => {
  const data = Buffer.from("CERT").toString("base64");
  const access = parseKubeconfig(kubeconfig(`{client-certificate-data: ${data}, client-key-data: ${data}}`));
  assert.deepEqual([access.clientCertificatePem, access.clientKeyPem], ["CERT", "CERT"]);
});

const refusals: readonly { name: string; text: string; context?: string; message: RegExp }[] = [
  {
    name: "an exec plugin",
    text: kubeconfig("{exec: {command: aws}}"),
    message: /user "u" signs in by "exec", which is not supported; use a token/,
  },
  { name: "no current context", text: kubeconfig("{}", ""), message: /no current-context is set/ },
  {
    name: "an unknown context",
    text: kubeconfig("{}"),
    context: "x",
    message: /no context "x"; contexts: "one", "bare"/,
  },
  {
    name: "an unknown cluster",
    text: kubeconfig("{}"),
    context: "astray",
    message: /no cluster "nowhere"; clusters: "c"/,
  },
  { name: "no YAML", text: "{", message: /kubeconfig is not YAML/ },
  { name: "a list", text: "[]", message: /must be a YAML object/ },
  {
    name: "a token file that is not there",
    text: kubeconfig("{tokenFile: /no/such}"),
    message: /cannot read the tokenFile \/no\/such/,
  },
];

for (const { name, text, context, message } of refusals) {
  test(`K8S-40 ${name} is refused by name`, () => {
    const options = context === undefined ? {} : { context };
    assert.throws(
      () => parseKubeconfig(text, options),
      (error) => error instanceof KubeconfigError && message.test(error.message),
    );
  });
}

test("CL-002 another cluster and user than the context's", () => {
  const text = kubeconfig("{token: abc}");
  assert.equal(parseKubeconfig(text, { context: "bare", user: "u" }).token, "abc");
  assert.equal(parseKubeconfig(text, { context: "astray", cluster: "c" }).server, "https://127.0.0.1:6443");
  assert.throws(() => parseKubeconfig(text, { user: "nobody" }), {
    name: KubeconfigError.name,
    message: 'kubeconfig: there is no user "nobody"; users: "u"',
  });
});
