package migrate

import "cmp"

// source is a CORS policy as a gateway has it, in the words that all of them share. What is in it
// decides what browsers may do; how the gateway gets there is the readers' matter.
type source struct {
	at      place
	origins []matcher
	// methods, headers, expose and maxAge are the contents of the response headers, "" for none.
	methods, headers, expose, maxAge list

	credentials    bool
	privateNetwork bool
	// shadow: the policy is evaluated and not carried out.
	shadow bool
}

// list is a response header, mostly one that lists names.
type list struct {
	at place
	// echo: the header repeats whatever was asked for.
	echo bool
	// text is the header.
	text string
}

// matcher matches origins.
type matcher struct {
	at   place
	kind matcherKind
	text string
	// fold: without regard to case.
	fold bool
	// written is what the source has, if text is made of it.
	written string
}

// value is what the source has.
func (m *matcher) value() string { return cmp.Or(m.written, m.text) }

type matcherKind uint8

const (
	exact matcherKind = iota
	prefix
	suffix
	contains
	// regex has to match the whole origin.
	regex
	// unreadable is a matcher of which nothing is known.
	unreadable
)
