// Package statefile keeps the last good documents of a store on disk, so that
// a process can start and decide without the store ([store.State]).
//
// # The file
//
// One append-only log, tenants.log, 0600 in a directory of its own: a header with
// the identity of the store, then records, each with a CRC-32C: put, delete, commit. A
// commit carries [store.Saved] and the hash of everything before it, from the header
// on, which has a random number in it: a record that was changed, dropped, moved, or
// left over from another file is found. Whatever follows the last whole commit does
// not count. So every load gives exactly the state of some commit, after a crash too.
// There is one exception, which is not called complete: see below.
//
// A tail without a whole commit is what a crash leaves: it is cut off. Damage before
// a whole commit is something else: the state of the last good commit before it is used,
// it is not called complete, and the file is kept as tenants.log.damaged. A file
// of another identity or format is not used, and kept as tenants.log.ignored.
//
// # Writing
//
// Put, Delete and Commit change memory only: the newest document of each tenant since
// the last write. [File.Run] writes what was committed, at most once an interval
// and not faster than a rate, and syncs it. While the disk fails it tries again with
// growing pauses. When more than half of the memory for it is taken by changes that are not
// committed, they are written all the same, with the last commit, as incomplete. When
// memory runs out, what no longer fits is taken off the disk, too, and
// the copy is not called complete: a tenant that is missing is answered closed, an old
// document might be open.
//
// The log is made anew when more than half of it is dead: the live records are copied to
// tenants.log.tmp, synced and renamed over it. Nothing is kept in memory for that;
// the offsets are found by reading the log again. There is no operation that replaces
// everything: only a Delete that names a tenant removes it, so a moment in which
// the copy in memory is empty, or small, cannot empty the disk. Should less than half
// of the documents be left all the same, the log before is kept as tenants.log.before. It
// is for the operator and never read: it would bring deleted tenants back.
//
// The directory needs room for four times the documents.
//
// # One owner
//
// The process that holds a lock on tenants.lock writes; others only load, which
// needs no lock. A second process, as in a rolling restart, keeps what it has to write and
// tries for the lock every few seconds. When it gets it, it writes on top of what the
// other process has left. That is again a complete copy once it has reached the
// position of the other process' last commit, in the same epoch; until then it is
// not called complete.
package statefile
