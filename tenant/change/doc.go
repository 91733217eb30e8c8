// Package change says what an edit of a tenant document does, for people: the
// lines that differ, and in plain words who gains and who loses what. It is pure and knows no store.
//
// Effects err on the side of saying too much: whatever a request gains or loses by the edit, there is
// an effect of that direction. Where an entry only repeats what another one allows, the
// decision core itself is asked, and the effect is neutral.
package change
