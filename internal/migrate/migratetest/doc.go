// Package migratetest makes CORS policies of other gateways at random, and knows what each
// gateway says that it does with them, and what browsers make of the answers. It shares no code with
// package migrate, so that the one can be held against the other. Nothing but tests imports it.
package migratetest
