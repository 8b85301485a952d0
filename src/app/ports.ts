import { createServer } from "node:net";
import { StartError } from "./data-directory.ts";

/** Starts a server on the port that an option names; a port that cannot be had is told by the option's name. */
export async function listenOn<T>(flag: string, port: number, start: (port: number) => Promise<T>): Promise<T> {
  try {
    return await start(port);
  } catch (error) {
    throw portError(flag, port, error);
  }
}

/** The port itself when nothing listens on it; for 0 one that the system finds free. */
export function usablePort(flag: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once("error", (error) => reject(portError(flag, port, error)));
    probe.listen({ host: "127.0.0.1", port, exclusive: true }, () => {
      const address = probe.address();
      const found = typeof address === "object" && address ? address.port : port;
      probe.close(() => resolve(found));
    });
  });
}

function portError(flag: string, port: number, error: unknown): Error {
  const { code } = error as NodeJS.ErrnoException;
  if (code === "EADDRINUSE") {
    return new StartError(`port ${port} is in use; choose another with --${flag} PORT (0 takes any free one)`);
  }
  if (code === "EACCES") return new StartError(`port ${port} needs more rights; choose another with --${flag} PORT`);
  return error as Error;
}
