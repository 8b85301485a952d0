/** The signs in front of names and states (CL-015 ff). */
export const kindIcons = {
  rollout: "⟳",
  revision: "#",
  replicaSet: "⧉",
  pod: "□",
  job: "⊞",
  experiment: "Σ",
  analysisRun: "α",
} as const;

const WAITING = "◷";
const PROGRESSING = "◌";
const OK = "✔";
const BAD = "✖";
const WARNING = "⚠";
const UNKNOWN = "?";
const PAUSED = "॥";
const NEUTRAL = "•";
const NONE = " ";

export const outcomeIcons = { successful: OK, failed: BAD, inconclusive: UNKNOWN, error: WARNING } as const;

const rolloutIcons: Readonly<Record<string, string>> = {
  Progressing: PROGRESSING,
  Error: WARNING,
  InvalidSpec: WARNING,
  Paused: PAUSED,
  Healthy: OK,
  Degraded: BAD,
  Unknown: UNKNOWN,
  ScaledDown: NEUTRAL,
};

const replicaSetIcons: Readonly<Record<string, string>> = {
  Progressing: PROGRESSING,
  Healthy: OK,
  ReplicaFailure: BAD,
  ScaledDown: NEUTRAL,
};

const analysisIcons: Readonly<Record<string, string>> = {
  Successful: OK,
  Inconclusive: UNKNOWN,
  Failed: BAD,
  Error: WARNING,
  Running: PROGRESSING,
  Pending: WAITING,
};

const podIcons: Readonly<Record<string, string>> = {
  Pending: PROGRESSING,
  Terminating: PROGRESSING,
  ContainerCreating: PROGRESSING,
  Running: OK,
  Completed: OK,
  Failed: BAD,
  InvalidImageName: BAD,
  CrashLoopBackOff: BAD,
  ImagePullBackOff: WARNING,
  RegistryUnavailable: WARNING,
  Unknown: UNKNOWN,
};

const podPatterns: readonly (readonly [RegExp, string])[] = [
  [/^Init:/, PROGRESSING],
  [/^(Signal|ExitCode):/, BAD],
  [/^Err|Error$/, WARNING],
];

export function rolloutIcon(phase: string): string {
  return rolloutIcons[phase] ?? NONE;
}

export function replicaSetIcon(phase: string): string {
  return replicaSetIcons[phase] ?? NONE;
}

export function analysisIcon(phase: string): string {
  return analysisIcons[phase] ?? NONE;
}

export function podIcon(status: string): string {
  return podPatterns.find(([pattern]) => pattern.test(status))?.[1] ?? podIcons[status] ?? NONE;
}

const YELLOW = 33;
const BRIGHT_BLUE = 94;
const RED = 31;
const GREEN = 32;

/** Icons, tags and phases that have a colour of their own; all else is written in the terminal's (CL-025). */
const colors: Readonly<Record<string, number>> = {
  [WAITING]: YELLOW,
  [PROGRESSING]: BRIGHT_BLUE,
  [WARNING]: RED,
  [UNKNOWN]: YELLOW,
  [OK]: GREEN,
  [BAD]: RED,
  canary: YELLOW,
  stable: GREEN,
  active: GREEN,
  preview: BRIGHT_BLUE,
  ping: BRIGHT_BLUE,
  pong: BRIGHT_BLUE,
  Pending: BRIGHT_BLUE,
  Running: BRIGHT_BLUE,
};

/** Writes a text in the colour of a word, by default of itself. */
export type Paint = (text: string, word?: string) => string;

export const plain: Paint = (text) => text;

export const coloured: Paint = (text, word = text) => `\u001b[${colors[word] ?? 0}m${text}\u001b[0m`;
