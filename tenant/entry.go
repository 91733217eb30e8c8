package tenant

// entry is a record made ready to serve. There is one for each tenant in memory.
type entry struct {
	record *Record
	// previous is the version before the record; nil when there is none that still counts.
	previous *previousVersion
}

// previousVersion is a record that counts until a Unix second.
type previousVersion struct {
	record *Record
	until  int64
}
