package offboard_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"offboard/internal/offboard"
)

// shown are texts as people meet them, word by word, and the symptom they are.
var shown = []struct{ text, want string }{
	{`401 The IAM token exchange request failed with the message: Provided API key could not be found`, "key-not-found"},
	{`* ibm_container_cluster.prod: "Request failed with status code: 400, BX0415EWQA: Provided API key could not be found"`, "key-not-found"},
	{`400, BX0415EWQA: Provided API key could not be found`, "key-not-found"},
	{`The specified API key could not be found.`, "key-not-found"},
	{`The IAM token exchange request failed with the message: {{.Message}} (P0005)`, "token-exchange-unfilled"},
	{"ID       Component   Severity   Description\nNHC009   Network     Error      The IAM token exchange request failed.", "token-exchange-failed"},
	{`IAM token exchange request failed: key is disabled`, "token-exchange-failed"},
	{`PVC creation fails with IAM permission error after reset`, "volumes-after-reset"},
	{`Warning  ProvisioningFailed  failed to provision volume with StorageClass "ibmc-vpc-block-10iops-tier": rpc error: code = Unauthenticated desc = IAM token`, "volumes-after-reset"},
	{`Autoscaling fails with IAM permission error after reset`, "autoscaler-after-reset"},
	{`Request failed with status code: 400, ServerErrorResponse: {"incidentID":"83498d57","code":"A03e9b","description":"Failed to create an API key with IAM. Revise your request and try again.","type":"Authentication"}`, "key-not-created"},
	{`400 A03e9b Failed to create an API key with IAM`, "key-not-created"},
	{`BXNIM0151E.msg=The limit of supported API keys is reached`, "key-limit"},
	{`Keys pile up, one more at each apply`, "keys-pile-up"},
	{`ApiKey-1   containers-kubernetes-key   2026-01-02`, "keys-pile-up"},
	{`Cluster create fails for service ID`, "no-key-for-scope"},
	{`there is not one yet for the account in eu-gb`, "no-key-for-scope"},
	{`Key creation refused in locked-down accounts`, "key-creator-missing"},
	{`"code":"A0656","description":"You are not authorized to create an API key in this resource group."`, "key-creator-missing"},
	{`Reset went to the wrong RG`, "wrong-resource-group"},
	{`Other users suddenly lose infra rights after a reset`, "owner-lacks-rights"},
	{`The worker node instance '1234' can't be found. Review 'vpc-gen2' infrastructure user permissions.`, "owner-lacks-rights"},
	{`The worker node instance '{{.ID}}' can’t be found. Review '{{.Provider}}' infrastructure user permissions.`, "owner-lacks-rights"},
	{`'Item' must be ordered with permission.`, "owner-lacks-rights"},
	{`The cluster could not be configured with the registry. Make sure that you have the Administrator role for Container Registry.`, "registry-not-configured"},
	{`Orphaned classic clusters when the leaver owned the infra account`, "classic-account-gone"},
	{`The response contained unexpected content, Content-Type=text/html`, "not-json"},
	{`invalid character '<' looking for beginning of value`, "not-json"},
	{`Old keys left after cluster deletion, people bulk-delete them`, "keys-pile-up"},
	{`Secrets-Manager-issued service-ID key gets locked / expires under the cluster`, "key-locked"},
	{`Access changes take minutes to bite`, "access-not-yet"},
	{`{"errorCode":"BXNIM0407E","errorMessage":"…"}`, "refresh-token-expired"},
	{`"errorCode": "BXNIM0408E", "errorMessage": "Provided refresh token is expired"`, "refresh-token-expired"},
	{`{"errorCode":"BXNIM0308E"}`, "not-authenticated"},
	{`BXNIM0106E: Validation of property 'response_type' with value '[uaa, cloud_iam]' failed.`, "response-type-refused"},
	{`BXNIM0109E:Property missing or empty.`, "key-empty"},
	{`{"code":"E0051","description":"No infrastructure credentials are set","type":"General"}`, "no-classic-credentials"},
	{`{"code":"E0008","type":"Provisioning"}`, "cluster-not-found"},
	{`{"code":"G0004","type":"General"}`, "cluster-not-found"},
	{`{"code":"E0011"}`, "worker-not-found"},
	{`{"code":"E0058"}`, "nothing-targeted"},
	{`{"code":"A0002","type":"Authentication"}`, "identity-backend-down"},
	{`{"code":"A0003","type":"Authentication"}`, "not-authenticated"},
	{`{"errors":[{"code":"policy_conflict_error","message":"…"}],"status_code":409}`, "policy-exists"},
	{`user leaver@acme.example is in state ERROR_WHILE_DELETING`, "error-while-deleting"},
	{`pods is forbidden: User "IAM#leaver@acme.example" cannot list resource "pods" in API group ""`, "user-still-in-cluster"},
	{`HTTP 429 Too Many Requests`, "too-many-requests"},
	{`no worker answered within 20s: is one running on the task queue "offboarding"?`, "no-worker"},
	{`Namespace default has no mapping defined for search attribute OffboardStatus`, "search-attribute-missing"},
	{`a run for this person is open already: offboard/acc/0123`, "already-running"},
	{`the digest "a" is not that of the plan that is shown, "b": read it again`, "plan-changed"},
	{`[TMPRL1100] During replay, a matching Timer command was expected`, "nondeterminism"},
}

func TestExplainFindsTheTextsPeopleMeet(t *testing.T) {
	for _, c := range shown {
		got := offboard.Explain(c.text)
		if assert.NotEmpty(t, got, c.text) {
			assert.Equal(t, c.want, got[0].ID, "%s: %v", c.text, ids(got))
			assert.NotEmpty(t, got[0].Found)
		}
	}
}

func TestEverySymptomIsFoundByEachOfItsCodesAndTexts(t *testing.T) {
	for _, s := range offboard.Symptoms() {
		for _, text := range slices.Concat([]string{s.ID}, s.Codes, s.Texts) {
			filled := strings.ReplaceAll(text, "…", "'a b-1 {{.X}}'")
			assert.Contains(t, ids(offboard.Explain(filled)), s.ID, filled)
		}
	}
}

// mess puts a text where people copy it from.
func mess(text string) map[string]string {
	escaped := strings.ReplaceAll(strings.ReplaceAll(text, `"`, `\"`), " ", `\u0020`)
	return map[string]string{
		"upper case":    strings.ToUpper(text),
		"lower case":    strings.ToLower(text),
		"broken lines":  strings.ReplaceAll(text, " ", "\n  │ "),
		"tabs":          strings.ReplaceAll(text, " ", "\t\t "),
		"colours":       "\x1b[31m" + strings.ReplaceAll(text, " ", "\x1b[0m \x1b[1;33m") + "\x1b[0m",
		"JSON in a log": `2026-11-23T09:00:00Z ERROR reconcile {"pod":"x-7d9f","err":"` + escaped + `","attempt":3}`,
		"a log around": "I1123 09:00:00.000001 1 leader.go:12] acquired lease\nE1123 09:00:01.5 1 controller.go:99] " + text +
			"\nI1123 09:00:02.1 1 event.go:7] retry in 5s, 10.0.0.7:443",
	}
}

func TestExplainIsToldApartFromWhatIsAround(t *testing.T) {
	for _, c := range shown {
		for how, text := range mess(c.text) {
			got := offboard.Explain(text)
			if assert.NotEmpty(t, got, "%s: %s", how, text) {
				assert.Equal(t, c.want, got[0].ID, "%s: %s: %v", how, text, ids(got))
			}
		}
	}
}

func TestExplainRanksSeveral(t *testing.T) {
	got := offboard.Explain("A03e9b Failed to create an API key with IAM\nNHC009 the IAM token exchange request failed\nE0051")
	assert.Equal(t, []string{"key-not-created", "token-exchange-failed", "no-classic-credentials"}, ids(got))
	assert.Greater(t, got[0].Score, got[1].Score)
}

func TestExplainDoesNotGuess(t *testing.T) {
	for _, text := range []string{
		"", "   ", "hello", "XE0051", "E00510", "my_E0051_x", "the key of the house", "error while deleting a pod",
		"E0805 11:34:43.722542 1 event.go:199] Server rejected event", "API key", "strange fault in the warp drive",
	} {
		assert.Empty(t, ids(offboard.Explain(text)), text)
	}
}

func TestNearestSymptom(t *testing.T) {
	for text, want := range map[string]string{
		"BXNIM0415":                           "key-not-found",
		"error BXNIM151E":                     "key-limit",
		"NHC09":                               "token-exchange-failed",
		"API keys supported limit reached":    "key-limit",
		"cluster not configured in registry":  "registry-not-configured",
		"exchange of the IAM token failed":    "token-exchange-failed",
		"strange fault in the warp drive":     "",
		"":                                    "",
		"connection refused by 10.0.0.7:1234": "",
	} {
		got, ok := offboard.NearestSymptom(text)
		assert.Equal(t, want != "", ok, "%s: %s", text, got.ID)
		if want != "" {
			assert.Equal(t, want, got.ID, text)
		}
	}
}

func TestTheCatalogueIsComplete(t *testing.T) {
	seen := map[string]string{}
	for _, s := range offboard.Symptoms() {
		assert.Regexp(t, regexp.MustCompile(`^[a-z]+(-[a-z]+)*$`), s.ID)
		assert.NotEmpty(t, slices.Concat(s.Codes, s.Texts), s.ID)
		for name, text := range map[string]string{"title": s.Title, "means": s.Means, "cause": s.Cause} {
			assert.NotEmpty(t, text, "%s of %s", name, s.ID)
		}
		assert.NotEmpty(t, s.Do, s.ID)
		assert.Contains(t, []offboard.Confidence{offboard.Documented, offboard.Reported, offboard.Inferred}, s.Confidence, s.ID)
		for _, key := range append([]string{s.ID}, s.Codes...) {
			assert.Empty(t, seen[strings.ToLower(key)], "%s is in %s as well", key, s.ID)
			seen[strings.ToLower(key)] = s.ID
		}
	}
}

// TestTheCatalogueIsWrittenDown keeps docs/symptoms.md, where people who search for an error's text find it.
func TestTheCatalogueIsWrittenDown(t *testing.T) {
	var b strings.Builder
	b.WriteString("# Symptoms\n\nWhat clusters, IBM Cloud and this engine say when a cluster's key, its owner or the engine is in trouble: what it means and what\n" +
		"to do. `starter explain 'TEXT'` finds the right one in an error or a log. Written from the catalogue in `internal/offboard`;\n" +
		"`go test ./internal/offboard -run Catalogue -update` writes it anew.\n\n" +
		"Words in capitals are to be filled in. *documented*: IBM's documentation or published code says so; *reported*: people met it and\n" +
		"said so in public; *inferred*: concluded from the two.\n")
	for _, s := range offboard.Symptoms() {
		fmt.Fprintf(&b, "\n## %s\n\n**%s**\n\n", s.ID, s.Title)
		for _, text := range slices.Concat(s.Codes, s.Texts) {
			fmt.Fprintf(&b, "- `%s`\n", text)
		}
		fmt.Fprintf(&b, "\nMeans: %s\n\nCause (%s): %s\n\n", s.Means, s.Confidence, s.Cause)
		for i, a := range s.Do {
			fmt.Fprintf(&b, "%d. %s\n", i+1, a.Text)
			if a.Command != "" {
				fmt.Fprintf(&b, "   ```\n   %s\n   ```\n", a.Command)
			}
		}
	}
	file := filepath.Join("..", "..", "docs", "symptoms.md")
	if *update {
		require.NoError(t, os.WriteFile(file, []byte(b.String()), 0o644))
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err, "run the test with -update to write it")
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(b.String(), "\n")); diff != "" {
		t.Errorf("docs/symptoms.md (-want +got):\n%s", diff)
	}
}

func FuzzExplain(f *testing.F) {
	for _, c := range shown {
		f.Add(c.text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, e := range offboard.Explain(text) {
			if len(e.Found) == 0 || e.Score <= 0 {
				t.Errorf("%s was explained by nothing", e.ID)
			}
		}
		_, _ = offboard.NearestSymptom(text) // must end
	})
}

func ids(list []offboard.Explanation) []string {
	var ids []string
	for _, e := range list {
		ids = append(ids, e.ID)
	}
	return ids
}
