package main

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/corsgate/corsgate/policy"
)

// preflightCache is how long each engine keeps the answer to a preflight at most (rule 57).
func preflightCache() []engine {
	return []engine{
		{"Chromium", 7200},
		{"Firefox", 86400},
		{"WebKit", 600},
	}
}

type engine struct {
	name    string
	seconds int
}

// notes say what a browser makes of the answer.
func notes(d *policy.Decision, headers []policy.Header) []string {
	switch {
	case d.Outcome == policy.Passthrough:
		return passthroughNotes(d)
	case d.Outcome != policy.Allowed && d.Kind == policy.Preflight:
		return []string{"the preflight fails: the page gets a network error, and the request itself is never sent"}
	case d.Outcome != policy.Allowed && d.Answered():
		return []string{"the request ends here: the page gets an error"}
	case d.Outcome != policy.Allowed:
		return []string{"the application does its work; the browser hides the response from the page (CORS hides, it does not block)"}
	case d.Kind == policy.Preflight:
		return append([]string{cacheNote(headers)}, credentialsNote(headers)...)
	default:
		return append([]string{"the page may read the response"}, credentialsNote(headers)...)
	}
}

func passthroughNotes(d *policy.Decision) []string {
	switch d.Reason {
	case policy.NoOrigin:
		return []string{"browsers leave Origin out of same-origin GET and HEAD, of navigations and of plain image or script tags"}
	case policy.OriginSame:
		return []string{"a same-origin request: browsers read the response without asking CORS"}
	default:
		return nil
	}
}

// cacheNote says how long browsers reuse the answer, and so how late they learn of a change (rule 59).
func cacheNote(headers []policy.Header) string {
	value, ok := headerValue(headers, "access-control-max-age")
	if !ok {
		return "without Access-Control-Max-Age the answer is kept for 5s; a change of the policy shows after that"
	}
	seconds, err := strconv.Atoi(value)
	if err != nil || seconds <= 0 {
		return "the answer is not kept: each request asks again, and a change of the policy shows at once"
	}
	var kept []string
	for _, e := range preflightCache() {
		kept = append(kept, fmt.Sprintf("%ds in %s", min(e.seconds, seconds), e.name))
	}
	return "the answer is kept, and a change of the policy unseen, for " + strings.Join(kept, ", ")
}

// credentialsNote warns of the most common surprise after "allowed".
func credentialsNote(headers []policy.Header) []string {
	if _, ok := headerValue(headers, "access-control-allow-credentials"); ok {
		return nil
	}
	if _, ok := headerValue(headers, "access-control-allow-origin"); !ok {
		return nil
	}
	return []string{"a request with credentials: \"include\" fails all the same: the policy does not allow credentials"}
}

func headerValue(headers []policy.Header, name string) (string, bool) {
	for _, h := range headers {
		if h.Name == name {
			return h.Value, true
		}
	}
	return "", false
}
