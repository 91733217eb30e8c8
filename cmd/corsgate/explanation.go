package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/corsgate/corsgate/internal/config"
	"github.com/corsgate/corsgate/policy"
	"github.com/corsgate/corsgate/tenant"
	"github.com/corsgate/corsgate/tenant/document"
)

// explanation is everything that explain says; its JSON form is public.
type explanation struct {
	Request   explainedRequest  `json:"request"`
	Freshness string            `json:"freshness"`
	Tenant    *explainedTenant  `json:"tenant,omitempty"`
	Policy    *explainedPolicy  `json:"policy,omitempty"`
	Decision  explainedDecision `json:"decision"`
	Near      []explainedNear   `json:"near_misses,omitempty"`
	Readings  []explainedPath   `json:"readings,omitempty"`
	Answer    explainedAnswer   `json:"answer"`
	Notes     []string          `json:"notes,omitempty"`
}

type explainedRequest struct {
	Method         string   `json:"method"`
	Scheme         string   `json:"scheme"`
	Host           string   `json:"host"`
	Path           string   `json:"path"`
	Origin         string   `json:"origin,omitempty"`
	RequestMethod  string   `json:"request_method,omitempty"`
	RequestHeaders []string `json:"request_headers,omitempty"`
}

type explainedTenant struct {
	ID string `json:"id"`
	// Host is the entry of hosts that matched; empty when Envoy names the tenant.
	Host string `json:"host,omitempty"`
	File string `json:"file"`
	Mode string `json:"mode"`
}

// explainedPolicy is the policy that decided.
type explainedPolicy struct {
	// Path is its field path in the document.
	Path string `json:"path"`
	// Prefix is the path_prefix of its route; empty for the policy of all other paths.
	Prefix string `json:"path_prefix,omitempty"`
	// Variant and Shadow are about a candidate: whether it decided, and what it would have said.
	Variant string `json:"variant,omitempty"`
	Shadow  string `json:"shadow,omitempty"`
}

type explainedDecision struct {
	Kind    string `json:"kind"`
	Outcome string `json:"outcome"`
	Reason  string `json:"reason"`
	Rule    string `json:"rule,omitempty"`
	Text    string `json:"text"`
	// Subject is what the reason is about: an origin, a method, a header name.
	Subject string `json:"subject,omitempty"`
	Entry   string `json:"entry,omitempty"`
}

// explainedPath is what an ambiguous path can mean: first as it is written, then as it can be read.
type explainedPath struct {
	Path   string `json:"path,omitempty"`
	Policy string `json:"policy,omitempty"`
	Fault  string `json:"fault,omitempty"`
}

type explainedNear struct {
	Kind  string `json:"kind"`
	Entry string `json:"entry"`
	Hint  string `json:"hint"`
}

// explainedAnswer is the gateway's own reply when Status is set, and else what becomes
// of the application's response.
type explainedAnswer struct {
	Status int               `json:"status,omitempty"`
	Remove []string          `json:"remove,omitempty"`
	Set    []explainedHeader `json:"set"`
}

type explainedHeader struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// explain decides the request by snapshot; docs are the documents that it was made of.
func (s *explainSettings) explain(snapshot *tenant.Snapshot, docs []*document.Document) *explanation {
	r := s.request()
	view := snapshot.Lookup(context.Background(), tenant.Key{Hint: s.tenant, Authority: s.host, Path: s.path})
	found := view.Explain(&r, config.UnknownTenant(s.unknown))
	d := &found.Result.Decision
	headers, answer := answerOf(d)
	e := &explanation{
		Request: explainedRequest{
			Method: r.Method, Scheme: r.Scheme, Host: s.host, Path: s.path, Origin: s.origin,
			RequestMethod: s.requestMethod, RequestHeaders: s.requestHeader,
		},
		Freshness: view.Freshness.String(),
		Tenant:    s.tenantOf(documentOf(view.ID(), docs)),
		Policy:    policyOf(&found, documentOf(view.ID(), docs)),
		Decision: explainedDecision{
			Kind: d.Kind.String(), Outcome: d.Outcome.String(), Reason: d.Reason.String(),
			Rule: d.Reason.Rule(), Text: d.Reason.Text(), Subject: found.Why.Subject, Entry: found.Why.Entry,
		},
		Answer: answer,
		Notes:  notes(d, headers),
	}
	for _, near := range found.Why.Near {
		e.Near = append(e.Near, explainedNear(near))
	}
	for _, reading := range found.Readings {
		e.Readings = append(e.Readings, explainedPath(reading))
	}
	if e.Tenant != nil && e.Tenant.Mode == "SHADOW" {
		e.Notes = []string{"the tenant's mode is SHADOW: the decision is only counted, and the application's own headers leave"}
	}
	return e
}

// answerOf is what leaves: our own reply, or the edits of the application's response.
func answerOf(d *policy.Decision) ([]policy.Header, explainedAnswer) {
	var headers []policy.Header
	answer := explainedAnswer{Set: []explainedHeader{}}
	if d.Answered() {
		answer.Status, headers = d.AppendReply(nil)
	} else {
		var edits policy.Edits
		// An application that sends CORS headers shows what becomes of them.
		d.AppendEdits(&edits, &policy.Upstream{HasCORS: true})
		headers, answer.Remove = edits.Set, edits.Remove
	}
	for _, h := range headers {
		answer.Set = append(answer.Set, explainedHeader(h))
	}
	return headers, answer
}

// documentOf is the document of a tenant, or nil.
func documentOf(id string, docs []*document.Document) *document.Document {
	i := slices.IndexFunc(docs, func(d *document.Document) bool { return d.Record.ID() == id })
	if id == "" || i < 0 {
		return nil
	}
	return docs[i]
}

// policyOf names the policy that decided, or is nil when none did.
func policyOf(found *tenant.Explanation, doc *document.Document) *explainedPolicy {
	if found.Policy == "" || doc == nil {
		return nil
	}
	p := &explainedPolicy{Path: found.Policy, Variant: found.Result.Variant, Shadow: found.Result.Shadow}
	routes, in := doc.Tenant.GetRoutes(), ""
	if found.Result.Variant == tenant.VariantCandidate {
		routes, in = doc.Tenant.GetCandidate().GetRoutes(), "candidate."
	}
	for i, route := range routes {
		if found.Policy == fmt.Sprintf("%sroutes[%d].policy", in, i) {
			p.Prefix = route.GetPathPrefix()
		}
	}
	return p
}

// tenantOf names the tenant, and the host entry that led to it.
func (s *explainSettings) tenantOf(doc *document.Document) *explainedTenant {
	if doc == nil {
		return nil
	}
	t := &explainedTenant{ID: doc.Record.ID(), File: doc.Record.File(), Mode: doc.Tenant.GetMode().String()}
	if t.Mode == "MODE_UNSPECIFIED" {
		t.Mode = "ENFORCE"
	}
	if s.tenant == "" {
		t.Host = hostEntry(doc.Tenant.GetHosts(), s.host)
	}
	return t
}

// hostEntry is the most specific entry that covers host (rule 26).
func hostEntry(entries []string, authority string) string {
	host, _ := tenant.RequestHost(authority)
	best := ""
	for _, entry := range entries {
		base, wildcard := strings.CutPrefix(entry, "*")
		switch {
		case entry == host:
			return entry
		case wildcard && strings.HasSuffix(host, base) && len(entry) > len(best):
			best = entry
		}
	}
	return best
}
