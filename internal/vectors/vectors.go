// Package vectors reads the corpus of decision vectors, policy/testdata/vectors,
// which is run three ways: through policy alone, through server in memory in
// designs A, B and C, and through the real Envoy in A, B and C.
//
// [Load] reads the corpus and refuses whatever is doubtful in it; [Groups] says
// which files make one registry; [Case.WantIn] says what a client of a design
// must see; [Compare] says how that differs from what it saw. The run through
// policy also needs [Spec], [Case.PolicyRequest], [App.Upstream] and [Final].
//
// # Strings in header values
//
// JSON holds no bytes that are not UTF-8, and nobody reads 60 KB of one letter.
// A header value may therefore start with one of two prefixes, which Load takes away:
//
//	latin1:https://caf\u00e9.example    each character becomes the byte of its number (0xE9)
//	expand:https://{a*300}.example      {text*count} becomes count copies of text
package vectors

import "encoding/json"

// File is one tenant document and the cases that are asked of it. Every file
// has hosts of its own, so that all files together make one registry, but for
// those that are Alone.
type File struct {
	// Name is the file name without its ending.
	Name string `json:"-"`
	// Alone says why this file needs a registry of its own (a default tenant would
	// answer for the hosts that other files want unknown), or is empty.
	Alone string `json:"alone,omitempty"`
	// Tenant is a tenant document in JSON; null for cases of unknown tenants.
	Tenant json.RawMessage `json:"tenant"`
	// Cases in the order of the file.
	Cases []Case `json:"cases"`
}

// Case is one request, what the application would answer, and what the client must see.
type Case struct {
	// Name is unique within the file.
	Name string `json:"name"`
	// Rules are the rule numbers that the case shows, for example ["30", "44a"], ids of
	// advisories ("CVE-2024-27302"), or names of origin vectors ("O20"); see docs/rules.md.
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

	// untouched: the tenant's mode is OFF or SHADOW, or there is no tenant.
	untouched bool
}

// Request is a request line and header fields, in order, repeats allowed.
type Request struct {
	Method string `json:"method"` // GET by default
	// Scheme is http by default; "unknown" stands for no trusted source of it (rule 7).
	Scheme string `json:"scheme,omitempty"`
	// Authority is the tenant's first host by default, which must be an exact one
	// then; "empty" stands for an empty Host.
	Authority string `json:"authority"`
	Path      string `json:"path"` // / by default
	// Headers may hold ":protocol" for an extended CONNECT.
	Headers [][2]string `json:"headers"`
	// Now is the wall clock (RFC 3339) of the policy and server runs; the real clock
	// otherwise. A case with Now cannot be run where the clock cannot be set.
	Now string `json:"now,omitempty"`
}

// App is the application's response.
type App struct {
	Status  int         `json:"status"` // 200 by default
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
