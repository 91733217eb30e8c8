package migrate

import (
	"cmp"
	"slices"
	"strings"
)

// Effect says what a difference does.
type Effect string

// The effects.
const (
	// Narrower: something that was allowed is not any more.
	Narrower Effect = "narrower"
	// Changed: the same is allowed, and something else about the answers is different.
	Changed Effect = "changed"
	// Ignored: the source has something that takes no part in CORS, or that never had an effect.
	Ignored Effect = "ignored"
)

// Code names a class of differences.
type Code string

// What is different about origins.
const (
	// CodeOriginNarrowed is a pattern of which a part is expressed.
	CodeOriginNarrowed Code = "origin_narrowed"
	// CodeOriginDropped is a pattern, or an origin, that cannot be expressed.
	CodeOriginDropped Code = "origin_dropped"
	// CodeOriginNull is the origin null.
	CodeOriginNull Code = "origin_null"
	// CodeOriginDead is an origin that no browser sends.
	CodeOriginDead Code = "origin_dead"
	// CodeOriginUnsafe is an origin that corsgate refuses together with credentials.
	CodeOriginUnsafe Code = "origin_unsafe"
	// CodeOriginLiteral is another value of Access-Control-Allow-Origin for the same origins.
	CodeOriginLiteral Code = "origin_literal"
	// CodeCredentialsDropped is any origin with credentials, of which the credentials are dropped.
	CodeCredentialsDropped Code = "credentials_dropped"
	// CodeDangerous is a refusal that is lifted because the source did the same.
	CodeDangerous Code = "dangerously_allowed"
)

// What is different about the rest of a policy.
const (
	// CodeMethod is a method that is not taken over.
	CodeMethod Code = "method_dropped"
	// CodeExpose is an exposed header that is not taken over.
	CodeExpose Code = "expose_dropped"
	// CodeList is a list that browsers cannot read.
	CodeList Code = "list_malformed"
	// CodeWildcard is a star that counts less than it seems to.
	CodeWildcard Code = "wildcard_literal"
	// CodeMaxAge is another lifetime of preflights.
	CodeMaxAge Code = "max_age"
	// CodeDefault is a value that the source has by default.
	CodeDefault Code = "default_written"
	// CodeFraction is a policy for a part of the traffic.
	CodeFraction Code = "fraction"
	// CodeShadow is a policy that is only evaluated.
	CodeShadow Code = "shadow"
)

// What is different about hosts, paths and the source as a whole.
const (
	// CodePathMixed is a part of the path space in which the source has several policies.
	CodePathMixed Code = "path_mixed"
	// CodePathOpen is a part of the path space without a policy.
	CodePathOpen Code = "path_without_policy"
	// CodeRouteReply is a route that the gateway answers itself.
	CodeRouteReply Code = "route_reply"
	// CodeHost is a host that cannot be expressed, or only in part.
	CodeHost Code = "host"
	// CodeTarget is an object that the input does not have.
	CodeTarget Code = "target_missing"
	// CodeNoEffect is a policy that the source does not carry out.
	CodeNoEffect Code = "no_effect"
	// CodeUnknownField is a field that this version does not know.
	CodeUnknownField Code = "field_unknown"
	// CodeField is a field that cannot be read, or is not supported.
	CodeField Code = "field"
	// CodeLimit is a document beyond the limits of tenants.
	CodeLimit Code = "limit"
)

// Difference is one way in which the documents do something else than their source.
type Difference struct {
	Effect Effect `json:"effect"`
	Code   Code   `json:"code"`
	// File and Object say where it is in the source, Field which part of the object.
	File   string `json:"file,omitempty"`
	Object string `json:"object,omitempty"`
	Field  string `json:"field,omitempty"`
	// Value is what the source has there.
	Value  string `json:"value,omitempty"`
	Detail string `json:"detail"`
	// Fix is what a person can do about it.
	Fix string `json:"fix,omitempty"`
}

// place is where something is in a source.
type place struct{ file, object, field string }

// in is a part of p.
func (p place) in(field string) place {
	if p.field != "" && field != "" && field[0] != '[' {
		field = "." + field
	}
	p.field += field
	return p
}

// notes collects differences.
type notes struct{ list []Difference }

// maxValue bounds what a difference repeats of its source, in bytes.
const maxValue = 128

func (n *notes) narrower(c Code, at place, value, detail, fix string) {
	n.add(Difference{Effect: Narrower, Code: c, Value: value, Detail: detail, Fix: fix}, at)
}

func (n *notes) changed(c Code, at place, value, detail, fix string) {
	n.add(Difference{Effect: Changed, Code: c, Value: value, Detail: detail, Fix: fix}, at)
}

func (n *notes) ignored(c Code, at place, value, detail, fix string) {
	n.add(Difference{Effect: Ignored, Code: c, Value: value, Detail: detail, Fix: fix}, at)
}

func (n *notes) add(d Difference, at place) {
	if len(d.Value) > maxValue {
		d.Value = strings.ToValidUTF8(d.Value[:maxValue], "") + "..."
	}
	d.File, d.Object, d.Field = at.file, at.object, at.field
	if !slices.Contains(n.list, d) {
		n.list = append(n.list, d)
	}
}

// sorted are the differences by file, those that take something away first.
func (n *notes) sorted() []Difference {
	slices.SortStableFunc(n.list, func(a, b Difference) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(rank(a.Effect), rank(b.Effect)), cmp.Compare(a.Object, b.Object))
	})
	return n.list
}

func rank(e Effect) int {
	switch e {
	case Narrower:
		return 0
	case Changed:
		return 1
	default:
		return 2
	}
}
