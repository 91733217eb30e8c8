/** An origin to watch. */
export interface API {
  /** The origin of the API: scheme, host and port. */
  origin: string;
  /** Response headers that every 2xx response must let the page read. */
  exposed?: string[];
}

/** Options of {@link start}. */
export interface Options {
  /** The origins to watch, at most 8. The page's own is ignored. */
  apis: (string | API)[];
  /** The address of the collector, usually `/.well-known/corsgate/rum` of an API. */
  collector: string;
  /** The site key, if the collector wants one. It is public. */
  key?: string;
  /** The share of page loads that report, 0 to 1. 1 by default. */
  sample?: number;
}

/** A running watch. */
export interface Watch {
  /** Restores the page's functions and drops what was not sent yet. */
  stop(): void;
}

/**
 * Wraps `fetch` and `XMLHttpRequest` and reports to the collector. While a watch runs, further calls
 * return it. Never throws: with wrong options it warns on the console and does nothing.
 */
export function start(options: Options): Watch;
