package harness

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// NGINX is a running nginx.
type NGINX struct {
	*Process
	// Addr is its host:port.
	Addr string
}

// nginxBinary finds nginx, also where a user's PATH leaves out the programs of administrators. The test is skipped when
// there is none, unless $CORSGATE_REQUIRE_NGINX is set; then it fails.
func nginxBinary(tb testing.TB) string {
	tb.Helper()
	path, err := exec.LookPath("nginx")
	if err != nil {
		path, err = exec.LookPath("/usr/sbin/nginx")
	}
	if err == nil {
		return path
	}
	if os.Getenv("CORSGATE_REQUIRE_NGINX") != "" {
		tb.Fatalf("%v, and CORSGATE_REQUIRE_NGINX is set", err)
	}
	tb.Skipf("%v (make tools installs it)", err)
	return ""
}

// NGINXCache is the name of a cache (proxy_cache) that [StartNGINX] has ready, for a server to use.
const NGINXCache = "shared"

// StartNGINX runs nginx as one process with one server, whose directives are server, and waits until it answers.
// It uses no file outside of a directory of its own.
func StartNGINX(tb testing.TB, server string) *NGINX {
	tb.Helper()
	binary, dir := nginxBinary(tb), tb.TempDir()
	// nginx cannot say which port the system chose, so it is told one. If another process was faster, it ends.
	n := &NGINX{Addr: FreeAddr(tb)}
	config := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(config, []byte(nginxConfig(dir, n.Addr, server)), 0o600); err != nil {
		tb.Fatalf("starting nginx: %v", err)
	}
	n.Process = StartProcess(tb, "nginx", exec.Command(binary, "-p", dir, "-c", config, "-e", "stderr"))
	n.awaitAnswer(tb)
	return n
}

func nginxConfig(dir, addr, server string) string {
	return fmt.Sprintf(`daemon off;
master_process off;
pid %[1]s/nginx.pid;
error_log stderr;
events {}
http {
  access_log off;
  client_body_temp_path %[1]s/body;
  proxy_temp_path %[1]s/proxy;
  fastcgi_temp_path %[1]s/fastcgi;
  uwsgi_temp_path %[1]s/uwsgi;
  scgi_temp_path %[1]s/scgi;
  proxy_cache_path %[1]s/cache keys_zone=%[4]s:1m;
  server {
    listen %[2]s;
%[3]s
  }
}
`, dir, addr, server, NGINXCache)
}

func (n *NGINX) awaitAnswer(tb testing.TB) {
	tb.Helper()
	client := &http.Client{Timeout: Patience}
	defer client.CloseIdleConnections()
	Eventually(tb, "nginx", func() error {
		resp, err := client.Get("http://" + n.Addr + "/")
		if err == nil {
			_ = resp.Body.Close()
		}
		if ended := n.ended(); ended != nil {
			return ended // what answers at its address is another process
		}
		return err
	})
}
