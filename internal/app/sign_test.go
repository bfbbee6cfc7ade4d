package app_test

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"offboard/activities"
	"offboard/internal/app"
	"offboard/internal/offboard"
)

// keyFile writes a private key as openssl does, and returns the reference to it.
func keyFile(t *testing.T, key any) string {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "report-key")
	require.NoError(t, os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600))
	return file
}

func newSigner(t *testing.T) (app.Signer, ed25519.PublicKey) {
	t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	return signerOf(keyFile(t, private)), public
}

func signerOf(file string) app.Signer {
	return app.NewSigner(app.NewSecret("file:"+file, nil, func(context.Context) (string, error) {
		data, err := os.ReadFile(file)
		return string(data), err
	}))
}

// finished is a report of a run that removed a user and handed one scope over.
func finished() offboard.Report {
	shop := offboard.Scope{Region: "eu-de", ResourceGroup: "0123456789abcdef0123456789abcdef", ResourceGroupName: "shop"}
	return offboard.Report{Version: offboard.ReportVersion, Status: offboard.Completed, Message: "Everything is done.", Progress: offboard.Progress{
		WorkflowID: "offboard/acc/1", Status: offboard.Completed, Account: account, UserRemoved: true,
		Leaver: offboard.Person{IAMID: "IBMid-LEAVER", Email: "leaver@acme.example"},
		Keys:   []offboard.KeyProgress{{ID: "ApiKey-1", Name: "old", State: offboard.KeyDeleted}, {ID: "ApiKey-2", Name: "off", State: offboard.KeyDisabled}},
		Scopes: []offboard.ScopeProgress{{Scope: shop, Action: offboard.Reset, FunctionalID: "clusters-1@acme.example", State: offboard.ScopeDone,
			Clusters: []offboard.ClusterProgress{{ClusterRef: offboard.ClusterRef{ID: "c1", Name: "web"}, Owner: "clusters-1@acme.example"}}}},
	}}
}

// kept puts the report on a shelf and reads both files.
func kept(t *testing.T, signer app.Signer) (jsonFile, page []byte) {
	t.Helper()
	place, err := app.NewShelf(t.TempDir(), signer).Keep(t.Context(), "r", finished())
	require.NoError(t, err)
	page, err = os.ReadFile(place)
	require.NoError(t, err)
	jsonFile, err = os.ReadFile(strings.TrimSuffix(place, ".html") + ".json")
	require.NoError(t, err)
	return jsonFile, page
}

// wrongs are the names of the checks that failed.
func wrongs(checks []app.Check) []string {
	names := []string{}
	for _, c := range checks {
		if !c.OK {
			names = append(names, c.Name)
		}
	}
	return names
}

func TestWhatTheShelfKeepsIsVerified(t *testing.T) {
	signer, public := newSigner(t)
	_, other := newSigner(t)
	data, page := kept(t, signer)
	plain, plainPage := kept(t, app.Signer{})
	edit := func(file []byte, from, to string) []byte {
		require.Contains(t, string(file), from)
		return []byte(strings.ReplaceAll(string(file), from, to))
	}
	// A forger with a key of their own seals another report anew.
	forger, forged := newSigner(t)
	forgery, _ := kept(t, forger)
	for _, c := range []struct {
		name    string
		file    []byte
		trusted ed25519.PublicKey
		want    []string
	}{
		{"JSON", data, public, []string{}},
		{"page", page, public, []string{}},
		{"JSON, no key at hand", data, nil, []string{}},
		{"unsigned", plain, nil, []string{}},
		{"unsigned page", plainPage, nil, []string{}},
		{"unsigned where a key is trusted", plain, public, []string{"signature"}},
		{"another key", data, other, []string{"signature"}},
		{"signed by a forger", forgery, public, []string{"signature"}},
		{"the forger trusts itself", forgery, forged, []string{}},
		{"data changed", edit(data, "Everything is done.", "Nothing is done."), public, []string{"content hash", "signature"}},
		{"page changed everywhere", edit(page, "Everything is done.", "Nothing is done."), public, []string{"content hash", "signature"}},
		{"words of the page changed", edit(page, `<p class="message">Everything`, `<p class="message">Nothing`), public, []string{"page"}},
		{"a member added", edit(data, `"version": 1,`, `"version": 1, "more": true,`), public, []string{"content hash", "signature"}},
		{"spaces only", append([]byte("\n"), edit(data, "  ", " ")...), public, []string{}},
		{"signature garbled", edit(data, `"signature": "ed25519:`, `"signature": "ed25519:!`), public, []string{"signature"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, checks, err := app.VerifyReport(c.file, c.trusted)
			require.NoError(t, err)
			assert.Equal(t, c.want, wrongs(checks), "%+v", checks)
		})
	}
	_, _, err := app.VerifyReport([]byte("hello"), nil)
	assert.ErrorIs(t, err, offboard.ErrNoReport)
}

func TestAPageOfAnotherBuildIsNotCalledForged(t *testing.T) {
	r, err := finished().Sealed("v0.0.1")
	require.NoError(t, err)
	page, err := r.HTML()
	require.NoError(t, err)
	page = append(page, []byte("<!-- as another build wrote it -->")...)
	_, checks, err := app.VerifyReport(page, nil)
	require.NoError(t, err)
	require.Equal(t, []string{"page"}, wrongs(checks))
	assert.Contains(t, checks[2].Detail, "only its data are verified")
}

func TestPublicKeys(t *testing.T) {
	signer, public := newSigner(t)
	text, err := signer.PublicKey(t.Context())
	require.NoError(t, err)
	der, err := x509.MarshalPKIXPublicKey(public)
	require.NoError(t, err)
	for _, form := range []string{text, text + "\n", string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))} {
		got, err := app.ParsePublicKey(form)
		require.NoError(t, err)
		assert.True(t, public.Equal(got))
	}
	for _, wrong := range []string{"", "ed25519:", "ed25519:AAAA", "AAAA", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"} {
		_, err := app.ParsePublicKey(wrong)
		assert.Error(t, err, wrong)
	}
}

// The error of a key that is none names the reference and nothing of what was read.
func TestKeysThatCannotSign(t *testing.T) {
	other, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	text := filepath.Join(t.TempDir(), "text")
	require.NoError(t, os.WriteFile(text, []byte("hunter2"), 0o600))
	for _, file := range []string{keyFile(t, other), text} {
		_, err := signerOf(file).PublicKey(t.Context())
		assert.ErrorContains(t, err, "openssl genpkey -algorithm ed25519")
		assert.NotContains(t, err.Error(), "hunter2")
		_, err = app.NewShelf(t.TempDir(), signerOf(file)).Keep(t.Context(), "r", finished())
		assert.Equal(t, offboard.Unavailable, offboard.CodeOf(err), "a report that must be signed is not kept unsigned")
	}
}

func TestTheSigningKeyOfTheConfiguration(t *testing.T) {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	file := keyFile(t, private)
	const ids = "functionalIds: [{email: clusters-1@acme.example, apiKey: env:FUNCTIONAL_KEY}]\n"
	c, err := app.LoadConfig(write(t, ids+"reports: {directory: reports, signingKey: \"file:"+file+"\"}\n"), environment(settings()))
	require.NoError(t, err)
	assert.False(t, c.Signer.IsZero())
	_, err = app.LoadConfig(write(t, ids+"reports: {signingKey: nonsense}\n"), environment(settings()))
	assert.ErrorContains(t, err, "reports.directory, which is missing")
	assert.ErrorContains(t, err, "reports.signingKey is not a reference")
}

// after is the account at a later time.
type after struct {
	activities.Users
	activities.Keys
	clusterPort
	account, owner string
	back           bool
	keys           []offboard.Key
	people         []offboard.Person
	gone, away     error
}

func (a after) WhoAmI(context.Context) (offboard.Identity, error) {
	return offboard.Identity{IAMID: "IBMid-ENGINE", Account: a.account}, a.away
}

func (a after) Person(_ context.Context, iamID string) (offboard.Person, error) {
	if !a.back {
		return offboard.Person{}, offboard.Errorf(offboard.NotFound, "read user", "none")
	}
	return offboard.Person{IAMID: iamID}, nil
}

func (a after) People(context.Context) ([]offboard.Person, error) { return a.people, nil }

func (a after) UserKeys(context.Context) ([]offboard.Key, error) { return a.keys, nil }

func (a after) KeyOwner(context.Context, string, offboard.Scope) (offboard.Owner, error) {
	return offboard.Owner{Email: a.owner}, a.gone
}

func TestDrift(t *testing.T) {
	still := after{account: account, owner: "Clusters-1@acme.example", keys: []offboard.Key{{ID: "ApiKey-2", Disabled: true, IAMID: "IBMid-LEAVER"}, {ID: "x", IAMID: "IBMid-OTHER"}}}
	for _, c := range []struct {
		name   string
		change func(*after)
		want   []string
	}{
		{"as it was left", func(*after) {}, []string{}},
		{"the user is back", func(a *after) { a.back = true }, []string{"user"}},
		{"the user is invited again", func(a *after) {
			a.people = []offboard.Person{{IAMID: "IBMid-NEW", Email: "Leaver@acme.example", State: "PENDING"}}
		}, []string{"user"}},
		{"somebody else is invited", func(a *after) { a.people = []offboard.Person{{IAMID: "IBMid-NEW", Email: "new@acme.example"}} }, []string{}},
		{"a deleted key is there", func(a *after) { a.keys = []offboard.Key{{ID: "ApiKey-1"}} }, []string{"keys"}},
		{"a disabled key works", func(a *after) { a.keys = []offboard.Key{{ID: "ApiKey-2"}} }, []string{"keys"}},
		{"a new key of the leaver", func(a *after) { a.keys = []offboard.Key{{ID: "new", IAMID: "IBMid-LEAVER"}} }, []string{"keys"}},
		{"another owner", func(a *after) { a.owner = "somebody@acme.example" }, []string{"cluster web"}},
		{"an owner who cannot be read", func(a *after) { a.owner = "" }, []string{"cluster web"}},
		{"the cluster is gone", func(a *after) { a.gone = offboard.Errorf(offboard.NotFound, "read owner", "none") }, []string{}},
		{"no answer", func(a *after) { a.gone = errors.New("timeout") }, []string{"cluster web"}},
		{"another account", func(a *after) { a.account = "another" }, []string{"account"}},
		{"nobody answers", func(a *after) { a.away = errors.New("timeout") }, []string{"account"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			a := still
			c.change(&a)
			assert.Equal(t, c.want, wrongs(app.Drift(t.Context(), finished(), activities.Ports{Users: a, Keys: a, Clusters: a})))
		})
	}
	nothing := finished()
	nothing.Progress = offboard.Progress{Account: account}
	assert.Empty(t, wrongs(app.Drift(t.Context(), nothing, activities.Ports{Users: still})))
}
