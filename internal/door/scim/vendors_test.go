package scim

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

const (
	leaves = "deactivated leaver@acme.example"
	stays  = "activated leaver@acme.example"
	gone   = "deleted leaver@acme.example"
)

func TestOktaFindsCreatesAndDeactivates(t *testing.T) {
	s := newService(t)

	look := "/Users?filter=userName%20eq%20%22leaver%40acme.example%22&startIndex=1&count=100"
	got := s.do("GET", look, "", "User-Agent", "Okta SCIM Client 1.0.0")
	require.Equal(t, http.StatusOK, got.Code)
	require.Equal(t, map[string]any{"schemas": []any{listSchema}, "totalResults": 0.0, "startIndex": 1.0, "itemsPerPage": 0.0, "Resources": []any{}}, got.body)

	got = s.do("POST", "/Users", vendor(t, "okta-create"))
	require.Equal(t, http.StatusCreated, got.Code)
	id := textOf(got.body["id"])
	require.NotEmpty(t, id, "Okta takes an empty answer for a failure")
	require.Equal(t, "http://door.acme.example/scim/v2/Users/"+id, got.Header().Get("Location"))
	require.Equal(t, "00ujl29u0le5T6Aj10h7", got.body["externalId"])
	require.Equal(t, true, got.body["active"])
	require.NotContains(t, got.Body.String(), "1mz050nq", "a password is never given back")
	require.NotContains(t, string(s.disk.users[id]), "1mz050nq", "nor kept")

	got = s.do("POST", "/Users", vendor(t, "okta-create"))
	require.Equal(t, http.StatusConflict, got.Code)
	require.Equal(t, uniqueness, got.body["scimType"])

	got = s.do("GET", look, "")
	require.Equal(t, 1.0, got.body["totalResults"])
	require.Equal(t, id, at(got.body["Resources"], "id"))

	require.Empty(t, s.engine.heard(), "somebody who came has not left")
	got = s.do("PATCH", "/Users/"+id, vendor(t, "okta-oin-deactivate"))
	require.Equal(t, http.StatusOK, got.Code)
	require.Equal(t, false, got.body["active"])
	require.Equal(t, "Test", at(got.body, "name", "givenName"), "Okta wants the whole user back")
	require.Equal(t, []string{leaves}, s.engine.heard())
}

func TestOktaWizardAppsPutTheWholeUser(t *testing.T) {
	s := newService(t)
	id := s.leaver()
	got := s.do("PUT", "/Users/"+id, vendor(t, "okta-aiw-deactivate"))
	require.Equal(t, http.StatusOK, got.Code)
	require.Equal(t, false, got.body["active"])
	require.Equal(t, id, got.body["id"], "the ID is ours whatever the body says")
	require.Equal(t, "Excited", at(got.body, "name", "middleName"))
	require.NotContains(t, got.body, "displayName", "a PUT takes away what it leaves out")
	require.Equal(t, []string{leaves}, s.engine.heard())
}

func TestEntraTriesTheConnection(t *testing.T) {
	s := newService(t)
	for _, target := range []string{
		`/Users?filter=userName+eq+%22b7a2f0d2-9a52-4b51-9c52-6f9e0e2ad8a1%22`,
		`/Users?aadOptscim062020&filter=externalId+eq+%22b7a2f0d2%22`,
		`/Users?filter=emails%5Btype+eq+%22work%22%5D.value+eq+%22nobody%40acme.example%22&aadOptscim062020=`,
		`/Groups?excludedAttributes=members&filter=displayName+eq+%22b7a2f0d2%22`,
		`/Groups?startIndex=1&count=100`,
	} {
		got := s.do("GET", target, "")
		require.Equal(t, http.StatusOK, got.Code, target)
		require.Equal(t, 0.0, got.body["totalResults"], target)
		require.Equal(t, []any{}, got.body["Resources"], target)
	}
}

func TestEntraDisablesInEveryForm(t *testing.T) {
	for _, body := range []string{"entra-disable", "entra-disable-062020", "entra-disable-docs"} {
		t.Run(body, func(t *testing.T) {
			s := newService(t)
			id := s.create(vendor(t, "entra-create"))
			got := s.do("PATCH", "/Users/"+id+"?aadOptscim062020", vendor(t, body))
			require.Equal(t, http.StatusOK, got.Code, got.Body.String())
			require.Equal(t, false, got.body["active"])
			require.Equal(t, []string{"deactivated Test_User_11bb11bb-cc22-dd33-ee44-55ff55ff55ff@acme.example"}, s.engine.heard(),
				"the userName is no e-mail address, so the primary one names the person")

			got = s.do("GET", "/Users/"+id, "")
			require.Equal(t, http.StatusOK, got.Code, "one who is disabled is still there")
			require.Equal(t, false, got.body["active"])
			got = s.do("GET", `/Users?filter=externalId+eq+%220a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef%22`, "")
			require.Equal(t, 1.0, got.body["totalResults"])
			require.Equal(t, false, at(got.body["Resources"], "active"))
		})
	}
}

func TestEntraRestoresAndDeletes(t *testing.T) {
	s := newService(t)
	id := s.create(vendor(t, "entra-create-nulls"))
	s.patched(id, `{"op":"Replace","path":"active","value":"False"}`)
	s.patched(id, `{"op":"Replace","path":"active","value":"True"}`)
	s.patched(id, `{"op":"Replace","path":"active","value":"False"}`)
	got := s.do("DELETE", "/Users/"+id, "")
	require.Equal(t, http.StatusNoContent, got.Code)
	require.Empty(t, got.Body.String())
	require.Equal(t, []string{leaves, stays, leaves, gone}, s.engine.heard())
	require.Equal(t, http.StatusNotFound, s.do("GET", "/Users/"+id, "").Code, "not there once it is deleted for good")
	require.Equal(t, http.StatusNotFound, s.do("DELETE", "/Users/"+id, "").Code)
	require.Len(t, s.engine.heard(), 4)
}

func TestEntraCreatesWithNulls(t *testing.T) {
	s := newService(t)
	got := s.do("POST", "/Users", vendor(t, "entra-create-nulls"))
	require.Equal(t, http.StatusCreated, got.Code, got.Body.String())
	for _, absent := range []string{"addresses", "phoneNumbers", "preferredLanguage", "title", "department", "manager"} {
		require.NotContains(t, got.body, absent)
	}
	require.Equal(t, "leaver@Acme.example", at(got.body, "emails", "value"), "values are kept as they were sent")
}

func TestEntraUpdatesManyAttributes(t *testing.T) {
	want := map[string]map[string]string{
		"entra-update":        {"displayName": "Pvlo", "email": "TestBcwqnm@acme.example", "given": "Gtfd", "family": "Pkqf", "number": "Eqpj"},
		"entra-update-062020": {"displayName": "Bjfe", "email": "TestMhvaes@acme.example", "given": "Kkom", "family": "Unua", "number": "Aklq"},
	}
	for body, w := range want {
		t.Run(body, func(t *testing.T) {
			s := newService(t)
			id := s.create(vendor(t, "entra-create"))
			got := s.do("PATCH", "/Users/"+id, vendor(t, body))
			require.Equal(t, http.StatusOK, got.Code, got.Body.String())
			require.Equal(t, w["displayName"], got.body["displayName"])
			require.Equal(t, w["email"], at(got.body, "emails", "value"))
			require.Equal(t, "work", at(got.body, "emails", "type"))
			require.Equal(t, w["given"], at(got.body, "name", "givenName"))
			require.Equal(t, w["family"], at(got.body, "name", "familyName"))
			require.Equal(t, w["number"], at(got.body, enterpriseSchema, "employeeNumber"))
			require.Contains(t, got.body["schemas"], enterpriseSchema)
			require.NotContains(t, got.body, "name.givenName", "a dotted key is a path")
			require.Empty(t, s.engine.heard())
		})
	}
}

func TestEntraSetsTheManagerInEveryForm(t *testing.T) {
	const id = "00aa00aa-bb11-cc22-dd33-44ee44ee44ee"
	for name, operations := range map[string]string{
		"URN and ID":        `{"op":"Add","path":"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager","value":"` + id + `"}`,
		"URN and part":      `{"op":"replace","path":"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager.value","value":"` + id + `"}`,
		"URN with a dot":    `{"op":"Replace","path":"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User.manager","value":{"value":"` + id + `"}}`,
		"no path":           `{"op":"add","value":{"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"manager":{"value":"` + id + `"}}}}`,
		"path of extension": `{"op":"add","path":"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User","value":{"manager":"` + id + `"}}`,
	} {
		t.Run(name, func(t *testing.T) {
			s := newService(t)
			user := s.leaver()
			require.Equal(t, id, at(s.patched(user, operations), enterpriseSchema, "manager", "value"))
		})
	}
	s := newService(t)
	user := s.leaver()
	got := s.do("PATCH", "/Users/"+user, vendor(t, "entra-manager"))
	require.Equal(t, http.StatusOK, got.Code, got.Body.String())
	require.Equal(t, id, at(got.body, enterpriseSchema, "manager", "value"), "a list of one, and no URN before it")

	found := s.do("GET", `/Users?filter=id+eq+%22`+user+`%22+and+manager+eq+%22`+id+`%22&attributes=id`, "")
	require.Equal(t, []any{map[string]any{"id": user, "schemas": []any{userSchema, enterpriseSchema}}}, found.body["Resources"])

	for _, taken := range []string{
		`{"op":"Remove","path":"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager"}`,
		`{"op":"Replace","path":"manager","value":""}`,
		`{"op":"Replace","path":"manager","value":null}`,
	} {
		s.patched(user, `{"op":"Add","path":"manager","value":"`+id+`"}`)
		require.NotContains(t, s.patched(user, taken), enterpriseSchema, taken)
	}
}
