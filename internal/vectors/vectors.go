// Package vectors reads the corpus of decision vectors, policy/testdata/vectors,
// which is run three ways: through policy alone, through server in memory in
// designs A, B and C, and through the real Envoy in A, B and C.
package vectors

import "encoding/json"

// File is one tenant document and the cases that are asked of it. Every file
// has hosts of its own, so that all files together make one registry.
type File struct {
	// Name is the file name without its ending.
	Name string `json:"-"`
	// Tenant is a tenant document in JSON; null for cases of unknown tenants.
	Tenant json.RawMessage `json:"tenant"`
	// Cases in the order of the file.
	Cases []Case `json:"cases"`
}

// Case is one request, what the application would answer, and what the client must see.
type Case struct {
	// Name is unique within the file.
	Name string `json:"name"`
	// Rules are the rule numbers that the case shows, for example ["30", "44a"], or ids of
	// advisories ("CVE-2024-27302").
	Rules []string `json:"rules"`
	// Request as the client sends it.
	Request Request `json:"request"`
	// App is what the application answers when it is asked: status 200 and no header by default.
	App App `json:"app"`
	// Want is what decision is made and what the client sees.
	Want Want `json:"want"`
	// In overrides Want by design ("a", "b", "c") where a design cannot do the same;
	// each override says why.
	In map[string]Override `json:"in,omitempty"`
	// PolicyOnly says why the case cannot be sent through a real Envoy, or is empty.
	PolicyOnly string `json:"policy_only,omitempty"`
}

// Request is a request line and header fields, in order, repeats allowed.
type Request struct {
	Method    string      `json:"method"`           // GET by default
	Scheme    string      `json:"scheme,omitempty"` // http by default
	Authority string      `json:"authority"`        // the tenant's first host by default
	Path      string      `json:"path"`             // / by default
	Headers   [][2]string `json:"headers"`
	// Now is the wall clock (RFC 3339) of the policy and server runs; the real clock otherwise.
	Now string `json:"now,omitempty"`
}

// App is the application's response.
type App struct {
	Status  int         `json:"status"`
	Headers [][2]string `json:"headers"`
}

// Want is a decision and the response that the client sees.
type Want struct {
	Kind    string `json:"kind"`    // "preflight", as policy.Kind.String
	Outcome string `json:"outcome"` // "allowed"
	Reason  string `json:"reason"`  // "origin_listed"
	// Answered is true when the application must not be asked.
	Answered bool `json:"answered,omitempty"`
	// Status that the client sees; App.Status by default.
	Status int `json:"status,omitempty"`
	// Headers are all response headers whose names start with access-control-, or are
	// vary or timing-allow-origin, and no others may be there. Lines of one name are
	// joined by ", "; list elements are compared after trimming, in order.
	Headers map[string]string `json:"headers"`
}

// Override replaces Want for one design.
type Override struct {
	// Why says in one sentence why this design differs.
	Why string `json:"why"`
	// Skip leaves the case out of that design's runs.
	Skip bool `json:"skip,omitempty"`
	// Want replaces the case's Want when Skip is false.
	Want *Want `json:"want,omitempty"`
}
