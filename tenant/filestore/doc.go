// Package filestore keeps the tenants of a file, or of a directory of files,
// live. A change is in force in under a second. What cannot be read never
// takes anything away: a broken file keeps the last good version of its
// tenants, and the registry is never emptied (rule 74).
package filestore
