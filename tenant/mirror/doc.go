// Package mirror keeps a local copy of a registry that lives in a store, and
// goes on deciding by it when the store is slow, gone, emptied or lying.
//
// By default the whole registry is primed at start and then followed by its
// change stream: every lookup is answered from memory. In the lazy mode, for
// registries too large for that, tenants are loaded when they are asked for.
// A lookup allocates nothing for a tenant in memory, takes no lock, and does not wait. For a tenant that is
// being loaded it waits, at most for the lookup budget.
//
// What is in memory comes down a ladder, and each view says which rung it stands on:
// live (the store has confirmed it within the TTL), stale (it has not), disk (it is from
// the last run), baseline (the operator's static documents), none (a closed answer).
//
// The store is a witness, not an authority over memory. A head that went back in
// time, another epoch or a vanished stream freeze what is held (the guard); a document that
// is gone without having been deleted stays for a while; many tenants that vanish at once are
// held back (the brake); a document that cannot be read leaves the last good one in
// force. An operator's confirmation ends all of this.
//
// Who does what, and by which goroutine:
//
//	Lookup      any            reads memory; marks what it used; asks for what it lacks
//	sweep       one            the clock; refreshes what was used before its TTL ends; commits to disk
//	follow      one            reads the change stream; asks for what changed; resynchronises after a gap
//	check       one            reads the head: is the follower stuck, has the store gone back, what time is it
//	load        a few          read documents and owners in batches, decode, apply
//
// Caches with a size and an expiry are otter's. Its loading and refreshing are not used: they
// load in the caller's goroutine, key by key, and cannot hold a result back
// because the store that gave it lies.
package mirror
