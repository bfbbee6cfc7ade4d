package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// start runs the program and returns the variables it printed.
func start(t *testing.T, args ...string) map[string]string {
	t.Helper()
	ctx, stop := context.WithCancel(context.Background())
	r, w := io.Pipe()
	done := make(chan error, 1)
	go func() {
		err := run(ctx, append(args, "--port", "0"), w, io.Discard)
		w.CloseWithError(io.EOF)
		done <- err
	}()
	t.Cleanup(func() {
		stop()
		require.NoError(t, <-done)
	})
	env := map[string]string{}
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		name, value, found := strings.Cut(strings.TrimPrefix(lines.Text(), "export "), "='")
		if !found {
			continue
		}
		env[name] = strings.TrimSuffix(value, "'")
		if name == lastVariable {
			go io.Copy(io.Discard, r)
			return env
		}
	}
	require.Fail(t, "the program ended early")
	return nil
}

// lastVariable is the last in the order of the alphabet that is always printed.
const lastVariable = "IC_API_KEY"

func tokenFrom(t *testing.T, client *http.Client, env map[string]string) {
	t.Helper()
	resp, err := client.Post(env["IBMCLOUD_IAM_API_ENDPOINT"]+"/identity/token", "application/x-www-form-urlencoded",
		strings.NewReader("grant_type=urn:ibm:params:oauth:grant-type:apikey&apikey="+env["IC_API_KEY"]))
	require.NoError(t, err)
	defer resp.Body.Close()
	require.Equal(t, http.StatusOK, resp.StatusCode)
}

func TestOnePort(t *testing.T) {
	env := start(t)
	require.True(t, strings.HasSuffix(env["IBMCLOUD_CS_API_ENDPOINT"], "/containers/global"))
	tokenFrom(t, http.DefaultClient, env)
}

func TestOnePortPerService(t *testing.T) {
	env := start(t, "--services", "--account", "small")
	require.NotContains(t, env["IBMCLOUD_IAM_API_ENDPOINT"], "/iam")
	require.NotEqual(t, env["IBMCLOUD_IAM_API_ENDPOINT"], env["IBMCLOUD_USER_MANAGEMENT_ENDPOINT"])
	tokenFrom(t, http.DefaultClient, env)
	resp, err := http.Get(env["IBMCLOUD_CS_API_ENDPOINT"] + "/v1/regions")
	require.NoError(t, err)
	resp.Body.Close()
	require.Equal(t, http.StatusUnauthorized, resp.StatusCode, "served, and refused for want of a token")
	for _, path := range []string{"/v2/vpc/getClusters", "/v1/apikeys"} {
		resp, err = http.Get(env["IBMCLOUD_USER_MANAGEMENT_ENDPOINT"] + path)
		require.NoError(t, err)
		resp.Body.Close()
		require.Equal(t, http.StatusNotImplemented, resp.StatusCode, "another service's path")
	}
}

func TestTLS(t *testing.T) {
	file := filepath.Join(t.TempDir(), "ca.pem")
	env := start(t, "--tls", "--certificate", file)
	require.True(t, strings.HasPrefix(env["IBMCLOUD_IAM_API_ENDPOINT"], "https://"))
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	roots := x509.NewCertPool()
	require.True(t, roots.AppendCertsFromPEM(text))
	tokenFrom(t, &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}}, env)
}

func TestBadStarts(t *testing.T) {
	require.ErrorContains(t, run(t.Context(), []string{"--account", "nowhere"}, io.Discard, io.Discard), "shipped accounts are")
	env := start(t)
	port := env["IBMCLOUD_IAM_API_ENDPOINT"]
	port = strings.TrimSuffix(port[strings.LastIndexByte(port, ':')+1:], "/iam")
	require.ErrorContains(t, run(t.Context(), []string{"--port", port}, io.Discard, io.Discard), "already in use")
}
