package main

import "syscall"

// dieWithParent has the kernel kill the process when this program dies without cleaning up.
func dieWithParent() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
