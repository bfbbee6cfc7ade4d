package kubernetes_test

import (
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"

	"offboard/internal/kubernetes"
	"offboard/internal/kubernetes/kubetest"
	"offboard/internal/offboard"
)

// answering is an adapter for a server with one answer for everything, and the number of requests it got.
func answering(t *testing.T, handler http.HandlerFunc) (*kubernetes.Clusters, *atomic.Int32) {
	t.Helper()
	var requests atomic.Int32
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		handler(w, r)
	}))
	t.Cleanup(server.Close)
	return at(t, server.URL, nil), &requests
}

func at(t *testing.T, url string, ca []byte) *kubernetes.Clusters {
	t.Helper()
	return kubernetes.New(kubernetes.Config{Timeout: time.Second, Kubeconfig: func(context.Context, string) ([]byte, error) {
		return kubeconfig(t, url, ca, "t0ken"), nil
	}})
}

func TestStatusCodesBecomeTheDomainsCodes(t *testing.T) {
	for _, test := range []struct {
		status     int
		retryAfter string
		want       offboard.Code
		wait       time.Duration
		requests   int32
	}{
		{status: 400, want: offboard.Invalid, requests: 1},
		{status: 401, want: offboard.Denied, requests: 2}, // once more with a fresh kubeconfig
		{status: 403, want: offboard.Denied, requests: 1},
		{status: 404, want: offboard.NotFound, requests: 1},
		{status: 409, want: offboard.Conflict, requests: 1},
		{status: 410, want: offboard.Unavailable, requests: 1},
		{status: 415, want: offboard.Invalid, requests: 1},
		{status: 422, want: offboard.Invalid, requests: 1},
		{status: 429, want: offboard.RateLimited, requests: 1},
		{status: 429, retryAfter: "7", want: offboard.RateLimited, wait: 7 * time.Second, requests: 1},
		{status: 500, want: offboard.Unavailable, requests: 1},
		{status: 503, retryAfter: "3", want: offboard.Unavailable, wait: 3 * time.Second, requests: 1},
		{status: 504, want: offboard.Unavailable, requests: 1},
	} {
		t.Run(http.StatusText(test.status)+test.retryAfter, func(t *testing.T) {
			k, requests := answering(t, func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				if test.retryAfter != "" {
					w.Header().Set("Retry-After", test.retryAfter)
				}
				w.WriteHeader(test.status)
				json := `{"kind":"Status","apiVersion":"v1","status":"Failure","message":"s3cret","reason":"s3cret says no","code":` + strconv.Itoa(test.status) + `}`
				io.WriteString(w, json)
			})

			_, err := k.Pods(t.Context(), clusterID, dependent("Deployment", autoscaler))

			failed := wantCode(t, test.want, err)
			assert.Equal(t, "read kube-system/"+autoscaler+" in cluster c1", failed.Op)
			assert.Equal(t, test.wait, failed.RetryAfter)
			assert.False(t, failed.Ambiguous, "reading changes nothing")
			assert.NotContains(t, err.Error(), "s3cret")
			assert.NotContains(t, err.Error(), "t0ken")
			assert.Equal(t, test.requests, requests.Load(), "retries are the caller's")
		})
	}
}

func TestAnAnswerThatIsNotKubernetesIsUnavailable(t *testing.T) {
	k, _ := answering(t, func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "<html>s3cret</html>") })
	_, err := k.Pods(t.Context(), clusterID, dependent("Deployment", autoscaler))
	wantCode(t, offboard.Unavailable, err)
	assert.NotContains(t, err.Error(), "s3cret")
	_, err = k.SecretVersion(t.Context(), clusterID)
	wantCode(t, offboard.Unavailable, err)
	assert.NotContains(t, err.Error(), "s3cret")
}

func TestClustersThatDoNotAnswer(t *testing.T) {
	closed := httptest.NewServer(nil)
	closed.Close()
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { silent.Close() })
	untrusted := httptest.NewUnstartedServer(http.NotFoundHandler())
	untrusted.Config.ErrorLog = log.New(io.Discard, "", 0)
	untrusted.StartTLS()
	t.Cleanup(untrusted.Close)
	plain := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(plain.Close)

	for name, test := range map[string]struct {
		k    *kubernetes.Clusters
		want string
	}{
		"refused":   {at(t, closed.URL, nil), "its API refuses connections"},
		"silent":    {at(t, "http://"+silent.Addr().String(), nil), "no answer came in time"},
		"untrusted": {at(t, untrusted.URL, nil), "the certificate of its API is not trusted"},
		"no TLS":    {at(t, "https://"+plain.Listener.Addr().String(), nil), "no TLS connection can be made to its API"},
		"no name":   {at(t, "https://c1.invalid:30000", nil), "the name of its API cannot be resolved"},
	} {
		t.Run(name, func(t *testing.T) { wantUnreachable(t, test.k, test.want) })
	}
}

func wantUnreachable(t *testing.T, k *kubernetes.Clusters, want string) {
	t.Helper()
	began := time.Now()

	found, err := k.Inspect(t.Context(), clusterID, offboard.BuiltinDependents(), leaver)
	require.NoError(t, err)
	assert.Equal(t, offboard.Inspection{Unreachable: want}, found)

	err = k.Restart(t.Context(), clusterID, dependent("Deployment", autoscaler), mark)
	failed := wantCode(t, offboard.Unreachable, err)
	assert.True(t, failed.Ambiguous)
	assert.Less(t, time.Since(began), 6*time.Second, "nothing is retried in silence")
}

func TestClusterThatComesBackIsReached(t *testing.T) {
	contract(t, func(t *testing.T, c *cluster) {
		c.seed(secret("kube-system", "storage-secret-store", corev1.SecretTypeOpaque, nil))
		k := c.adapter()
		before, err := k.SecretVersion(t.Context(), clusterID)
		require.NoError(t, err)
		c.setUnreachable(true)
		wantUnreachable(t, k, "the connection was closed without an answer")
		c.setUnreachable(false)
		after, err := k.SecretVersion(t.Context(), clusterID)
		require.NoError(t, err)
		assert.Equal(t, before, after)
	})
}

func TestKubeconfigsWithATokenOrACertificate(t *testing.T) {
	contract(t, func(t *testing.T, c *cluster) {
		c.seed(deploymentOf(autoscaler, autoscaler, 1))
		d := dependent("Deployment", autoscaler)
		for _, kind := range []string{kubetest.Admin, kubetest.AdminCertificate} {
			k := adapterWith(c.kubeconfig(kind))
			old, err := k.Pods(t.Context(), clusterID, d)
			require.NoError(t, err, kind)
			require.NoError(t, k.Restart(t.Context(), clusterID, d, kind), kind)
			follow(c, k, d, old, kind, func(offboard.Rollout) {})
		}
	})
}

func TestWhoMayNotIsDenied(t *testing.T) {
	contract(t, func(t *testing.T, c *cluster) {
		c.seed(deploymentOf(autoscaler, autoscaler, 1), bindingOf("shop", "deployers", "deployer", user("IAM#"+leaver)))
		d := dependent("Deployment", autoscaler)
		old := c.uids(autoscaler)
		for name, kubeconfig := range map[string][]byte{"403 Forbidden": c.kubeconfig(kubetest.Somebody), "401 Unauthorized": c.atDoor("nobody's")} {
			k := adapterWith(kubeconfig)
			_, err := k.Inspect(t.Context(), clusterID, offboard.BuiltinDependents(), leaver)
			failed := wantCode(t, offboard.Denied, err)
			assert.Equal(t, "the API answered "+name, failed.Message)
			_, err = k.Pods(t.Context(), clusterID, d)
			wantCode(t, offboard.Denied, err)
			_, err = k.Rollout(t.Context(), clusterID, d, old, mark)
			wantCode(t, offboard.Denied, err)
			_, err = k.SecretVersion(t.Context(), clusterID)
			wantCode(t, offboard.Denied, err)
			for _, err := range []error{
				k.Restart(t.Context(), clusterID, d, mark), k.Replace(t.Context(), clusterID, d, old), k.RemoveSubject(t.Context(), clusterID, deployers()),
			} {
				assert.False(t, wantCode(t, offboard.Denied, err).Ambiguous)
			}
		}
		assert.Equal(t, old, c.uids(autoscaler))
		assert.Empty(t, c.changed())
	})
}

// Somebody who may look but not touch finds everything and changes nothing.
func TestWhoMayOnlyLookIsDeniedTheRestart(t *testing.T) {
	contract(t, func(t *testing.T, c *cluster) {
		c.seed(
			&rbacv1.ClusterRole{ObjectMeta: meta("", "reader"), Rules: []rbacv1.PolicyRule{
				{APIGroups: []string{"*"}, Resources: []string{"*"}, Verbs: []string{"get", "list"}}}},
			clusterBindingOf("reader", "reader", user(kubetest.Somebody)),
			deploymentOf(autoscaler, autoscaler, 1), bindingOf("shop", "deployers", "deployer", user("IAM#"+leaver)),
		)
		k, d := adapterWith(c.kubeconfig(kubetest.Somebody)), dependent("Deployment", autoscaler)

		found, err := k.Inspect(t.Context(), clusterID, offboard.BuiltinDependents(), leaver)
		require.NoError(t, err)
		assert.Len(t, found.Dependents, 1)
		assert.Len(t, found.Bindings, 1)

		old := c.uids(autoscaler)
		wantCode(t, offboard.Denied, k.Restart(t.Context(), clusterID, d, mark))
		wantCode(t, offboard.Denied, k.Replace(t.Context(), clusterID, d, old))
		wantCode(t, offboard.Denied, k.RemoveSubject(t.Context(), clusterID, deployers()))
		assert.Equal(t, old, c.uids(autoscaler))
	})
}

// The request was carried out, its answer got lost: the second call finds the work done.
func TestLostRepliesDoNoHarm(t *testing.T) {
	contract(t, func(t *testing.T, c *cluster) {
		c.seedDriver(deploymentOf(blockController, sharedLabel, 2))
		c.seed(bindingOf("shop", "deployers", "deployer", user("IAM#bob@acme.example"), user("IAM#"+leaver)))
		k, d := c.adapter(), dependent("Deployment", blockController)
		old, err := k.Pods(t.Context(), clusterID, d)
		require.NoError(t, err)
		c.intercept(func(w http.ResponseWriter, r *http.Request, next http.Handler) {
			if r.Method == http.MethodGet {
				next.ServeHTTP(w, r)
				return
			}
			next.ServeHTTP(httptest.NewRecorder(), r)
			panic(http.ErrAbortHandler)
		})

		for _, verb := range []func() error{
			func() error { return k.Restart(t.Context(), clusterID, d, mark) },
			func() error { return k.RemoveSubject(t.Context(), clusterID, deployers()) },
		} {
			failed := wantCode(t, offboard.Unreachable, verb())
			assert.True(t, failed.Ambiguous)
		}
		c.intercept(nil)
		require.NoError(t, k.Restart(t.Context(), clusterID, d, mark))
		require.NoError(t, k.RemoveSubject(t.Context(), clusterID, deployers()))

		assert.Equal(t, []string{"patch deployments kube-system/" + blockController, "patch rolebindings shop/deployers"}, c.changed())
		follow(c, k, d, old, mark, func(offboard.Rollout) {})
	})
}

func TestTheContextsOwnErrorsAreReturnedAsTheyAre(t *testing.T) {
	contract(t, func(t *testing.T, c *cluster) {
		ctx, cancel := context.WithCancel(t.Context())
		c.intercept(func(w http.ResponseWriter, r *http.Request, _ http.Handler) {
			cancel()
			<-r.Context().Done()
		})
		_, err := c.adapter().Inspect(ctx, clusterID, offboard.BuiltinDependents(), leaver)
		assert.Equal(t, context.Canceled, err)

		ctx, cancel = context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		c.intercept(func(w http.ResponseWriter, r *http.Request, _ http.Handler) { <-r.Context().Done() })
		_, err = c.adapter().SecretVersion(ctx, clusterID)
		assert.Equal(t, context.DeadlineExceeded, err)
	})
}

func TestKubeconfigIsFetchedAgainWhenItsCredentialsAreRefused(t *testing.T) {
	contract(t, func(t *testing.T, c *cluster) {
		c.seed(deploymentOf(autoscaler, autoscaler, 1))
		token, fetched := "admin-token", 0
		k := kubernetes.New(kubernetes.Config{Kubeconfig: func(_ context.Context, id string) ([]byte, error) {
			fetched++
			assert.Equal(t, clusterID, id)
			return c.atDoor(token), nil
		}})
		d := dependent("Deployment", autoscaler)

		for range 3 {
			require.NoError(t, k.Restart(t.Context(), clusterID, d, mark))
		}
		assert.Equal(t, 1, fetched, "a client is used again")

		c.admit(map[string]string{"next-token": kubetest.Admin})
		token = "next-token"
		require.NoError(t, k.Restart(t.Context(), clusterID, d, mark))
		require.NoError(t, k.Restart(t.Context(), clusterID, d, mark))
		assert.Equal(t, 2, fetched)

		c.admit(nil)
		wantCode(t, offboard.Denied, k.Restart(t.Context(), clusterID, d, mark))
		assert.Equal(t, 3, fetched, "once more, not for ever")
	})
}

func TestKubeconfigIsFetchedAgainWhenItIsOld(t *testing.T) {
	contract(t, func(t *testing.T, c *cluster) {
		fetched := 0
		k := kubernetes.New(kubernetes.Config{Cache: time.Nanosecond, Kubeconfig: func(context.Context, string) ([]byte, error) {
			fetched++
			return c.atDoor("admin-token"), nil
		}})
		for range 2 {
			_, err := k.SecretVersion(t.Context(), clusterID)
			require.NoError(t, err)
			time.Sleep(time.Millisecond)
		}
		assert.Equal(t, 2, fetched)
	})
}

func TestKubeconfigsThatCannotBeHad(t *testing.T) {
	with := func(text string, err error) error {
		k := kubernetes.New(kubernetes.Config{Kubeconfig: func(context.Context, string) ([]byte, error) { return []byte(text), err }})
		_, failed := k.SecretVersion(t.Context(), clusterID)
		return failed
	}
	denied := offboard.Errorf(offboard.Denied, "get a kubeconfig", "no right")
	assert.Same(t, denied, with("", denied))
	wantCode(t, offboard.Unavailable, with("", errors.New("s3cret")))

	for text, want := range map[string]offboard.Code{
		"s3cret: [": offboard.Unavailable,
		"":          offboard.Unavailable,
		head + "users: [{name: u, user: {exec: {apiVersion: client.authentication.k8s.io/v1, command: /bin/s3cret, interactiveMode: Never}}}]": offboard.Unsupported,
		head + "users: [{name: u, user: {tokenFile: /s3cret}}]":                                                                                offboard.Unsupported,
		head + "users: [{name: u, user: {client-certificate-data: czNjcmV0, client-key-data: czNjcmV0}}]":                                      offboard.Unavailable,
	} {
		err := with(text, nil)
		wantCode(t, want, err)
		assert.NotContains(t, err.Error(), "s3cret")
	}
}

const head = `apiVersion: v1
kind: Config
current-context: x
contexts: [{name: x, context: {cluster: c, user: u}}]
clusters: [{name: c, cluster: {server: "https://c1.acme.example"}}]
`
