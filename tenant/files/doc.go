// Package files keeps the tenants of a file, or of a directory of files, live: it says what the documents in them are,
// and [tenant.Snapshot.Merge] which of them are in force. What cannot be read, what is half written and what does not
// answer takes nothing away, and the registry is never emptied (rule 74).
//
// A change of a file counts when the file is whole:
//
//   - A file renamed over it, or a link that leads to another one, is whole at once. So is one complete JSON value.
//   - A file that is written in place is whole at once when its last line is "...", the only one of it, or
//     "# sha256: " and the checksum, 64 hexadecimal digits, of all bytes before that line. A file that ended so is
//     not whole without it.
//   - Any other must be still for a while. Then it counts, but what is no longer in it is not taken away, since its
//     writer may have stopped in the middle. A last line without an end is not whole.
//   - A file that is gone must stay so for the same while. The files that a process starts with count as they are.
package files
