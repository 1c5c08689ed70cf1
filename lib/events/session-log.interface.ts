/** What the lifecycle has to say to whoever runs the application. */
export interface SessionLog {
  error(message: string, error: unknown): void;
  /** An error that is the application's mistake, once; others are ignored. Nest itself logs no `HttpException`. */
  mistake(error: unknown): void;
  warnOnce(topic: string, message: string): void;
}
