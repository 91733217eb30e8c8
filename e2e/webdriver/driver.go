package webdriver

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"time"
)

// driver is a running chromedriver.
type driver struct {
	url  string
	cmd  *exec.Cmd
	done chan struct{} // closed when the process has been waited for
}

// startDriver runs program on a port of its own choice, which it prints.
func startDriver(ctx context.Context, program string) (*driver, error) {
	out, in, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("starting the browser driver: %w", err)
	}
	// Not bound to ctx: the driver is stopped by stop, which lets it end its browser.
	cmd := exec.CommandContext(context.WithoutCancel(ctx), program, "--port=0")
	cmd.Stdout, cmd.Stderr = in, in
	// The browser inherits the pipe; without this Wait could hang on it.
	cmd.WaitDelay = 5 * time.Second
	err = cmd.Start()
	_ = in.Close()
	if err != nil {
		_ = out.Close()
		return nil, fmt.Errorf("starting the browser driver: %w", err)
	}
	d := &driver{cmd: cmd, done: make(chan struct{})}
	go func() {
		_ = cmd.Wait()
		close(d.done)
	}()
	port := make(chan string, 1)
	go scanPort(out, port)
	select {
	case p, ok := <-port:
		if ok {
			d.url = "http://127.0.0.1:" + p
			return d, nil
		}
		err = errors.New("it ended without naming its port")
	case <-time.After(20 * time.Second):
		err = errors.New("it named no port in 20 s")
	case <-ctx.Done():
		err = ctx.Err()
	}
	return nil, errors.Join(fmt.Errorf("starting the browser driver: %w", err), d.stop())
}

// scanPort sends the port that the driver announces, then drains its output,
// so that it never blocks on a full pipe.
func scanPort(out *os.File, port chan<- string) {
	defer out.Close()
	defer close(port)
	announced := regexp.MustCompile(`started successfully on port (\d+)`)
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if m := announced.FindStringSubmatch(lines.Text()); m != nil {
			port <- m[1]
			break
		}
	}
	_, _ = io.Copy(io.Discard, out)
}

// stop ends the driver: politely, so that it can end its browser, then by force.
func (d *driver) stop() error {
	_ = d.cmd.Process.Signal(os.Interrupt)
	select {
	case <-d.done:
		return nil
	case <-time.After(5 * time.Second):
	}
	_ = d.cmd.Process.Kill()
	<-d.done
	return errors.New("stopping the browser driver: it had to be killed")
}
