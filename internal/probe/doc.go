// Package probe asks a live endpoint what browsers would ask it, and holds the answers against what a policy says: that of
// the tenant's own document, or one made from what the caller expects. Every case has a name, the rules that it proves and the
// failure modes that it finds; each is asked on two paths, the edge that everybody uses and, where given, an
// address behind it, so that what a proxy in between takes away is seen.
//
// A wrong answer and a question that could not be asked are different verdicts. Only safe methods are sent beside
// OPTIONS, no redirect is followed and no cookie is kept, and every request says in its headers that it is a probe.
package probe
