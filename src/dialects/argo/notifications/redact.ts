/** Shorter values are no secrets, and would be found everywhere. */
const SECRET_MIN = 4;

/**
 * A text without the values of a Secret: what goes wrong with a service's options, or with what a template made, is told
 * in logs and events, which more people read than Secrets.
 */
export function redacted(text: string, secrets: Readonly<Record<string, string>>): string {
  let left = text;
  // Longest first: one value may stand within another.
  const values = Object.entries(secrets).flatMap(([key, value]) => writtenForms(value).map((form) => ({ key, form })));
  for (const { key, form } of values.sort((one, other) => other.form.length - one.form.length)) {
    if (form.length >= SECRET_MIN) left = left.replaceAll(form, () => `$${key}`);
  }
  return left;
}

/** As it is, without the line end that `echo` adds, and within a JSON text. */
function writtenForms(value: string): readonly string[] {
  return [...new Set([value, value.trim(), JSON.stringify(value).slice(1, -1)])];
}
