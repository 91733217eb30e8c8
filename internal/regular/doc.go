// Package regular asks two questions of regular languages: whether everything that one
// expression matches is matched by another, and if not, what is not. Expressions are those of
// RE2 and match whole strings. Only ASCII strings take part.
//
// The answers are proofs, not samples: the importer of foreign configuration
// opens nothing unless one of them says that it was open before.
package regular
