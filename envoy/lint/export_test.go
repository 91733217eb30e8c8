package lint

// ReadWithin is [Read] with other limits.
var ReadWithin = readWithin
