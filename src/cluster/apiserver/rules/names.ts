/** Names that mean something in CEL; `namespace` is the one that matters in Kubernetes. */
const RESERVED: ReadonlySet<string> = new Set(
  "true false null in as break const continue else for function if import let loop package namespace return var void while".split(
    " ",
  ),
);

const ESCAPES: Readonly<Record<string, string>> = {
  __: "__underscores__",
  ".": "__dot__",
  "-": "__dash__",
  "/": "__slash__",
};

export function isReserved(name: string): boolean {
  return RESERVED.has(name);
}

/** How an expression spells a field; null: it cannot (K8S-157). */
export function escapeName(name: string): string | null {
  if (RESERVED.has(name)) return `__${name}__`;
  if (!/^[A-Za-z_./-][A-Za-z0-9_./-]*$/.test(name)) return null;
  return name.replace(/__|[./-]/g, (part) => ESCAPES[part]!);
}
