// Package storetest says what every store must do, as tests ([Run]), and has a
// store in memory that does it ([Memory]), for tests of whoever reads one.
package storetest
