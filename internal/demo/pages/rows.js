// The fetches of the demo, and what a page on the allowed and on the foreign origin
// can do with each answer under the tenants file as it is shipped. A fetch with "twice"
// is made once before, so that the browser has the cookie when it counts.

/** The page got a response; a network error never comes here. */
const readBody = ({ status, body }) => ({ got: "read", detail: `${status} ${body}` });

const readHeader = (name) => (answer) => {
  const value = answer.header(name);
  return value === null
    ? { got: "blocked", detail: `${answer.status}, but ${name} is hidden` }
    : { got: "read", detail: `${name}: ${value}` };
};

const ifAllowed = { allowed: "read", foreign: "blocked" };
const never = { allowed: "blocked", foreign: "blocked" };

export const rows = [
  { name: "simple", title: "Simple request", request: "GET /v1/orders",
    path: "/v1/orders", expected: ifAllowed, read: readBody },
  { name: "preflighted", title: "Preflighted request", request: "PUT /v1/orders/7 + X-Trace, JSON",
    path: "/v1/orders/7", expected: ifAllowed, read: readBody,
    init: { method: "PUT", headers: { "Content-Type": "application/json", "X-Trace": "demo" }, body: '{"qty":3}' } },
  { name: "credentialed", title: "Request with a cookie", request: "GET /v1/session, credentials",
    path: "/v1/session", expected: ifAllowed, read: readBody, init: { credentials: "include" }, twice: true },
  { name: "method", title: "Method not allowed", request: "DELETE /v1/orders/7",
    path: "/v1/orders/7", expected: never, read: readBody, init: { method: "DELETE" } },
  { name: "header", title: "Header not allowed", request: "GET /v1/orders + X-Debug",
    path: "/v1/orders", expected: never, read: readBody, init: { headers: { "X-Debug": "1" } } },
  { name: "exposed", title: "Exposed response header", request: "GET /v1/orders → X-Request-Id",
    path: "/v1/orders", expected: ifAllowed, read: readHeader("X-Request-Id") },
  { name: "hidden", title: "Other response header", request: "GET /v1/orders → X-Internal-Node",
    path: "/v1/orders", expected: never, read: readHeader("X-Internal-Node") },
  { name: "app-error", title: "The application fails", request: "GET /v1/fail → 500",
    path: "/v1/fail", expected: ifAllowed, read: readBody },
  { name: "gateway-error", title: "The application crashes", request: "GET /v1/crash → Envoy's own 503",
    path: "/v1/crash", expected: ifAllowed, read: readBody },
  { name: "null-origin", title: "Sandboxed frame", request: "GET /v1/orders, Origin: null",
    path: "/v1/orders", expected: never, read: readBody, frame: true },
  { name: "public", title: "Public route", request: "GET /public/catalog",
    path: "/public/catalog", expected: { allowed: "read", foreign: "read" }, read: readBody },
];
