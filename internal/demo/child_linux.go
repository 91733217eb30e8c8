package demo

import "syscall"

// ownGroup keeps Ctrl-C in a terminal, which goes to the whole process group, away from a
// child: it shall stop when we say so. A child also ends when we die without a word.
func ownGroup() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
}
