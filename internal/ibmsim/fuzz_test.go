package ibmsim

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"offboard/internal/ibmsim/clock"
)

// Each family of handlers is fed arbitrary input: any route of it, path values and a query from the fuzzer or from the
// account, any body and header. Nothing may panic, no reply may be a fault of the simulator's own (5xx), and what says it
// is JSON must be. The mutex must be free afterwards, and the account's past still computable.

func FuzzTokens(f *testing.F)        { fuzzAPI(f, &tokenAPI) }
func FuzzIdentity(f *testing.F)      { fuzzAPI(f, &identityAPI) }
func FuzzUsers(f *testing.F)         { fuzzAPI(f, &usersAPI) }
func FuzzGroups(f *testing.F)        { fuzzAPI(f, &groupsAPI) }
func FuzzPolicies(f *testing.F)      { fuzzAPI(f, &policyAPI) }
func FuzzResources(f *testing.F)     { fuzzAPI(f, &managerAPI, &controllerAPI, &searchAPI, &accountsAPI) }
func FuzzContainers(f *testing.F)    { fuzzAPI(f, &containersAPI) }
func FuzzControlCalls(f *testing.F)  { fuzzAPI(f, &simAPI) }
func FuzzControlWorld(f *testing.F)  { fuzzControlWorld(f) }
func FuzzClusterServer(f *testing.F) { fuzzKube(f) }

func fuzzAPI(f *testing.F, apis ...*api) {
	account := fuzzAccount(f)
	var mine []route
	for _, rt := range routes() {
		for _, a := range apis {
			if rt.api == a {
				mine = append(mine, rt)
			}
		}
	}
	for i := range mine {
		f.Add(uint16(i), byte(i), "", []byte(seedBody(i)), "eu-de")
		f.Add(uint16(i), byte(i+1), "account_id="+account.ID+"&pagesize=2&scope=account&cluster=small-vpc&format=zip&admin=true", []byte("{}"), "*")
	}
	f.Add(uint16(0), byte(3), "pagetoken=AAA&_start=-1&start=-9&offset=-1&limit=-5", []byte(`[null]`), "")
	f.Fuzz(func(t *testing.T, n uint16, pick byte, query string, body []byte, header string) {
		c := New(account, Options{Clock: clock.NewVirtual(time.Unix(1_800_000_000, 0))})
		rt := mine[int(n)%len(mine)]
		path := rt.api.prefixes[0] + fillPath(c, rt.path, pick, header)
		exercise(t, c, rt.method, path, query, body, header)
	})
}

func fuzzKube(f *testing.F) {
	account := fuzzAccount(f)
	paths := []string{
		"/version", "/api", "/apis", "/api/v1/pods", "/api/v1/namespaces/kube-system/pods", "/api/v1/namespaces/kube-system/secrets/storage-secret-store",
		"/apis/apps/v1/namespaces/kube-system/deployments/ibm-vpc-block-csi-controller", "/apis/apps/v1/namespaces/kube-system/deployments/coredns/scale",
		"/apis/rbac.authorization.k8s.io/v1/clusterrolebindings/ibm-admin", "/apis/rbac.authorization.k8s.io/v1/rolebindings", "/api/v1/namespaces",
		"/.well-known/oauth-authorization-server", "/oauth/authorize", "/apis/user.openshift.io/v1/users/~",
	}
	methods := []string{"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"}
	types := []string{"application/json", "application/merge-patch+json", "application/json-patch+json", "application/strategic-merge-patch+json", "application/apply-patch+yaml", "application/vnd.kubernetes.protobuf", "x"}
	for i := range paths {
		f.Add(uint16(i), byte(i), "limit=1&labelSelector=app%3Dx", []byte(`{"spec":{"template":{"metadata":{"annotations":{"a":"b"}}}}}`), "")
		f.Add(uint16(i), byte(i*7), "", []byte(`[{"op":"test","path":"/metadata/name","value":"x"},{"op":"remove","path":"/subjects/0"}]`), "/x")
	}
	f.Fuzz(func(t *testing.T, n uint16, pick byte, query string, body []byte, suffix string) {
		if strings.Contains(query, "watch") || strings.Contains(query, "follow") {
			return // a watch ends with its client, not by itself
		}
		c := New(account, Options{Clock: clock.NewVirtual(time.Unix(1_800_000_000, 0))})
		path := "/kube/small-vpc" + paths[int(n)%len(paths)]
		if len(suffix) < 40 {
			path += suffix
		}
		exercise(t, c, methods[int(pick)%len(methods)], path, query, body, types[int(pick/8)%len(types)])
	})
}

// fuzzControlWorld feeds the control calls that change the whole world, one after another, and asks it the usual questions
// between them.
func fuzzControlWorld(f *testing.F) {
	account := fuzzAccount(f)
	small, err := shipped.ReadFile("accounts/small.yaml")
	if err != nil {
		f.Fatal(err)
	}
	calls := []struct{ method, path string }{
		{"PUT", "/sim/state"}, {"POST", "/sim/clock"}, {"POST", "/sim/faults"}, {"POST", "/sim/faults/schedule"}, {"POST", "/sim/invitations/viewer@acme.example/accept"},
		{"POST", "/sim/owner"}, {"DELETE", "/sim/faults"},
	}
	f.Add(byte(0), small, byte(1), []byte(`{"advance":"10m"}`))
	f.Add(byte(1), []byte(`{"advance":"106751d"}`), byte(1), []byte(`{"advance":"2000000h"}`))
	f.Add(byte(2), []byte(`{"path":"apikeys","delay":"3h","hang":true,"times":-1}`), byte(3), []byte(`{"seed":3,"count":9}`))
	f.Add(byte(2), []byte(`{"service":"containers","truncate":true,"replication":"9h"}`), byte(5), []byte(`{"email":"viewer@acme.example"}`))
	f.Add(byte(0), []byte("id: 5f3e0c1d2b4a49688776655443322110\nowner: a@b\nusers: [{email: a@b}]\nresourceGroups: [{name: d, default: true}]\n"), byte(4), []byte(""))
	f.Fuzz(func(t *testing.T, first byte, body []byte, second byte, next []byte) {
		if len(body)+len(next) > 100_000 {
			return
		}
		c := New(account, Options{Clock: clock.NewVirtual(time.Unix(1_800_000_000, 0))})
		for _, one := range []struct {
			n    byte
			body []byte
		}{{first, body}, {second, next}} {
			call := calls[int(one.n)%len(calls)]
			if code, text := ask(t, c, call.method, call.path, one.body); code >= 500 {
				t.Fatalf("%s %s with %q: %d %s", call.method, call.path, one.body, code, text)
			}
			for _, path := range []string{"/sim/state", "/sim/outages", "/sim/ledger", "/sim/faults", "/iam/v1/apikeys?scope=account", "/containers/global/v2/vpc/getClusters"} {
				if code, text := ask(t, c, "GET", path, nil); code >= 500 && len(c.Faults()) == 0 {
					t.Fatalf("GET %s after %s with %q: %d %s", path, call.path, one.body, code, text)
				}
			}
		}
	})
}

// ask sends one request as the administrator, for whose answer nobody waits: a fault cannot hold the test up.
func ask(t *testing.T, c *Cloud, method, path string, body []byte) (int, string) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	r, err := http.NewRequestWithContext(ctx, method, "http://sim.example"+path, strings.NewReader(string(body)))
	if err != nil {
		t.Fatal(err)
	}
	r.RemoteAddr = "192.0.2.1:4000"
	r.Header.Set("Authorization", "Bearer "+login(t, c, path))
	rec := httptest.NewRecorder()
	serveGuarded(c, rec, r)
	return rec.Code, rec.Body.String()
}

func fuzzAccount(f *testing.F) *Account {
	f.Helper()
	account, err := Load("small")
	if err != nil {
		f.Fatal(err)
	}
	account.AccessGroups[0].Dynamic = []string{"viewer@acme.example"}
	account.ServiceIDs = []ServiceID{{Name: "tool", APIKey: "CANARY-key-tool"}}
	account.Profiles = []Profile{{Name: "pods", Identities: []string{"tool", "offboard-admin@acme.example"}}}
	return account
}

// fillPath puts identifiers of the account, or the fuzzer's own text, into a route's path.
func fillPath(c *Cloud, path string, pick byte, text string) string {
	w := c.world.Load()
	known := []string{
		text, w.accountID, w.users[int(pick)%len(w.users)].iam, w.keys[int(pick)%len(w.keys)].id, w.policies[int(pick)%len(w.policies)].id, w.groups[0].id,
		w.clusters[int(pick)%len(w.clusters)].id, w.services[0].id, w.profiles[0].id, allGroups, latestReport, w.resourceGroups[0].id,
	}
	likely := map[string]string{
		"{worker}": w.clusters[int(pick)%len(w.clusters)].workers()[0].id, "{pool}": defaultPool, "{zone}": "eu-de-1", "{rule}": w.groups[0].rules[0].id, "{account}": w.accountID, "{group}": w.groups[0].id, "{policy}": known[4], "{cluster}": known[6], "{iam}": known[2], "{type}": "user", "{identifier}": known[2], "{email}": w.users[0].email,
	}
	var out []string
	for part := range strings.SplitSeq(strings.TrimSuffix(path, "{$}"), "/") {
		switch {
		case !strings.HasPrefix(part, "{"):
			out = append(out, part)
		case pick%3 == 0 && likely[part] != "":
			out = append(out, likely[part])
		default:
			out = append(out, url.PathEscape(known[int(pick)%len(known)]))
		}
	}
	return strings.Join(out, "/")
}

func seedBody(i int) string {
	bodies := []string{
		"grant_type=urn:ibm:params:oauth:grant-type:apikey&apikey=CANARY-key-owner",
		`{"name":"n","iam_id":"iam-x","account_id":"` + "5f3e0c1d2b4a49688776655443322110" + `","expires_at":"2030-01-01T00:00+0000","apikey":{"name":"k"}}`,
		`{"users":[{"email":"a@acme.example"}],"access_groups":[],"iam_policy":[{"roles":[{"role_id":"x"}],"resources":[{"attributes":[{"name":"serviceName","value":"is"}]}]}]}`,
		`{"type":"access","control":{"grant":{"roles":[{"role_id":"crn:v1:bluemix:public:iam::::role:Viewer"}]}},"subject":{"attributes":[{"key":"iam_id","operator":"stringEquals","value":"x"}]},"resource":{"attributes":[{"key":"serviceName","operator":"stringEquals","value":"is"}]},"pattern":"time-based-conditions:once","rule":{"operator":"and","conditions":[null,null]}}`,
		`{"members":[{"iam_id":"x","type":"user"}],"groups":["x"]}`,
		`{"query":"service_name:satellite","search_cursor":"MHw="}`,
		`{"cluster":"small-vpc","admin":true,"format":"json","action":"refresh","addons":[{"name":"x"}],"enable":true}`,
		`{"service":"containers","status":500,"nth":1}`,
		`{"firstname":"a","state":"VPN_ONLY","allowed_ip_addresses":"10.0.0.1"}`,
		`{"seed":1,"count":3}`,
		`{"subjects":[{"attributes":[{"name":"iam_id","value":"x"}]}],"type":"access","roles":[{"role_id":"crn:v1:bluemix:public:iam::::role:Viewer"}],"resources":[{"attributes":[{"name":"serviceName","value":"is"}]}]}`,
		`{"identities":[{"identifier":"x","type":"user"}],"identifier":"iam-x","type":"serviceid","state":"active"}`,
		`{"mfa":"TOTP","restrict_create_service_id":"RESTRICTED","system_access_token_expiration_in_seconds":"900","restrict_user_domains":[{"realm_id":"IBMid","restrict_invitation":true,"invitation_email_allow_patterns":["**@acme.example"]}]}`,
		`{"name":"Own","display_name":"Own","account_id":"5f3e0c1d2b4a49688776655443322110","service_name":"containers-kubernetes","actions":["containers-kubernetes.cluster.read"]}`,
		`{"name":"r","expiration":3600,"realm_name":"https://idp.acme.example","type":"Profile-SAML","cr_type":"VSI","conditions":[{"claim":"g","operator":"IN","value":"[\"a\"]"}],"link":{"crn":"crn:v1:bluemix:public:is:eu-de:a/5f3e0c1d2b4a49688776655443322110:x::","namespace":"n","name":"n"}}`,
		`{"name":"new","dataCenter":"fra02","workerNum":2,"masterVersion":"1.32.5","workerPool":{"vpcID":"v","workerCount":1,"zones":[{"id":"eu-de-1"},{"id":"eu-de-2"}]}}`,
		`{"cluster":"small-vpc","workerpool":"default","size":3,"sizePerZone":1,"state":"resizing","name":"gpu","workerCount":1,"workerNum":1,"id":"eu-de-2","zone":"eu-de-1","action":"replace","zones":[{"id":"eu-de-1"}]}`,
		`{"name":"i","target":"eu-de","resource_group":"default","resource_plan_id":"kms.tiered","parameters":{"a":1},"account_id":"5f3e0c1d2b4a49688776655443322110"}`,
		`{"type":"authorization","control":{"grant":{"roles":[{"role_id":"crn:v1:bluemix:public:iam::::serviceRole:Reader"}]}},"subject":{"attributes":[{"key":"serviceName","operator":"stringEquals","value":"is"}]},"resource":{"attributes":[{"key":"serviceName","operator":"stringEquals","value":"kms"}]}}`,
		`{"type":"access","control":{"grant":{"roles":[{"role_id":"crn:v1:bluemix:public:iam::::role:Viewer"}]}},"subject":{"attributes":[{"key":"iam_id","operator":"stringEquals","value":"x"}]},"resource":{"attributes":[{"key":"serviceName","operator":"stringEquals","value":"is"}]},"pattern":"time-based-conditions:weekly:custom-hours","rule":{"operator":"or","conditions":[{"key":"{{environment.attributes.day_of_week}}","operator":"dayOfWeekAnyOf","value":["1+00:00","7-11:00"]},{"operator":"and","conditions":[{"key":"{{environment.attributes.current_time}}","operator":"timeLessThan","value":"09:00:00+02:00"}]}]}}`,
		`{"query":"name:new","token":"MHw=","fields":["name"]}`,
	}
	return bodies[i%len(bodies)]
}

// exercise sends one request as the administrator and as nobody.
func exercise(t *testing.T, c *Cloud, method, path, query string, body []byte, header string) {
	target := path + "?" + query
	if _, err := url.ParseRequestURI(target); err != nil || strings.ContainsAny(target, " \x00\r\n\t") {
		return // no client can send it
	}
	for _, token := range []string{"", login(t, c, path)} {
		r, err := http.NewRequest(method, "http://sim.example"+target, strings.NewReader(string(body)))
		if err != nil {
			return
		}
		r.RemoteAddr = "192.0.2.1:4000"
		for _, name := range []string{"X-Region", "If-Match", "X-Auth-Resource-Group", "IAM-ApiKey", "Content-Type", "X-Auth-Softlayer-Username", "X-Auth-Softlayer-APIKey"} {
			r.Header.Set(name, strings.Map(printable, header))
		}
		if header == "application/vnd.kubernetes.protobuf" {
			r.Header.Set("Accept", header)
		}
		if token != "" {
			r.Header.Set("Authorization", "Bearer "+token)
		}
		rec := httptest.NewRecorder()
		serveGuarded(c, rec, r)
		if rec.Code >= 500 && rec.Code != http.StatusNotImplemented && len(c.Faults()) == 0 {
			t.Fatalf("%s %s with %q: %d %s", method, target, body, rec.Code, rec.Body)
		}
		if strings.HasPrefix(rec.Header().Get("Content-Type"), "application/json") && rec.Body.Len() > 0 && !json.Valid(rec.Body.Bytes()) {
			t.Fatalf("%s %s: not JSON: %s", method, target, rec.Body)
		}
		c.Advance(time.Hour)
		c.Outages()
		c.State()
		sameTrouble(t, c)
	}
}

// sameTrouble holds the short answer about the present against the outages.
func sameTrouble(t *testing.T, c *Cloud) {
	t.Helper()
	w := c.world.Load()
	w.mu.Lock()
	defer w.mu.Unlock()
	now := w.clock.Now()
	for _, one := range w.clusters {
		open := slices.ContainsFunc(w.clusterOutages(one, now), func(o Outage) bool { return o.To.IsZero() })
		if troubled := w.troubled(one, now); troubled != open {
			t.Fatalf("cluster %s: troubled says %t, its outages say %t", one.spec.Name, troubled, open)
		}
	}
}

func login(t *testing.T, c *Cloud, path string) string {
	t.Helper()
	w := c.world.Load()
	w.mu.Lock()
	defer w.mu.Unlock()
	use := tokenAccess
	if strings.HasPrefix(path, "/kube/") {
		use = tokenAdmin
	}
	return w.mint(w.who(w.iamByEmail("offboard-admin@acme.example")), use, 48*time.Hour, w.clock.Now(), nil)
}

// serveGuarded lets the one panic pass that net/http means for a cut connection.
func serveGuarded(c *Cloud, rec *httptest.ResponseRecorder, r *http.Request) {
	defer func() {
		if p := recover(); p != nil && p != http.ErrAbortHandler {
			panic(p)
		}
	}()
	c.ServeHTTP(rec, r)
}

func printable(r rune) rune {
	if r < ' ' || r > '~' {
		return -1
	}
	return r
}

// FuzzAccountFile feeds the loader; what it accepts must start.
func FuzzAccountFile(f *testing.F) {
	for _, name := range []string{"small", "traps", "empty", "owner-leaves"} {
		text, err := shipped.ReadFile("accounts/" + name + ".yaml")
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Add([]byte("id: 5f3e0c1d2b4a49688776655443322110\nowner: a@b\nusers: [{email: a@b}]\nresourceGroups: [{name: d, default: true}]\nclusters: [null, {}]\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		account, err := Parse("fuzzed", text)
		if err != nil || account.Fillers.Users*max(account.Fillers.KeysPerUser, 1) > 10_000 {
			return
		}
		c := New(account, Options{Clock: clock.NewVirtual(time.Unix(1_800_000_000, 0))})
		c.Advance(48 * time.Hour)
		c.Outages()
		c.State()
	})
}
