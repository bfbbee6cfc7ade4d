package scim

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"
)

const userToPatch = `{"userName":"leaver@acme.example","active":true,"displayName":"Test User","custom":{"shoeSize":44.50,"tags":["a","b"]},
"name":{"givenName":"Test","familyName":"User"},
"emails":[{"type":"work","value":"leaver@acme.example","primary":true},{"type":"home","value":"leaver@home.example"}],
"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"department":"Sales","employeeNumber":701984}}`

func TestPatch(t *testing.T) {
	work := map[string]any{"type": "work", "value": "leaver@acme.example", "primary": true}
	home := map[string]any{"type": "home", "value": "leaver@home.example"}
	for name, c := range map[string]struct {
		operations string
		at         []string
		want       any
	}{
		"replace a simple one":                 {`{"op":"replace","path":"title","value":"Boss"}`, []string{"title"}, "Boss"},
		"add is replace where there is one":    {`{"op":"add","path":"displayName","value":"T. User"}`, []string{"displayName"}, "T. User"},
		"remove":                               {`{"op":"remove","path":"displayName"}`, []string{"displayName"}, nil},
		"remove what is not there":             {`{"op":"remove","path":"title"}`, []string{"title"}, nil},
		"replace by null is remove":            {`{"op":"replace","path":"displayName","value":null}`, []string{"displayName"}, nil},
		"null in an object":                    {`{"op":"replace","value":{"displayName":null}}`, []string{"displayName"}, nil},
		"empty text is a value":                {`{"op":"replace","path":"displayName","value":""}`, []string{"displayName"}, ""},
		"a number where text belongs":          {`{"op":"replace","path":"title","value":7}`, []string{"title"}, "7"},
		"a part":                               {`{"op":"replace","path":"name.givenName","value":"Tess"}`, []string{"name"}, map[string]any{"givenName": "Tess", "familyName": "User"}},
		"a part in any case":                   {`{"op":"replace","path":"NAME.GIVENNAME","value":"Tess"}`, []string{"name"}, map[string]any{"givenName": "Tess", "familyName": "User"}},
		"the last part takes the whole":        {`{"op":"remove","path":"name.givenName"},{"op":"remove","path":"name.familyName"}`, []string{"name"}, nil},
		"an object keeps what it does not say": {`{"op":"replace","path":"name","value":{"givenName":"Tess"}}`, []string{"name"}, map[string]any{"givenName": "Tess", "familyName": "User"}},
		"an object without a path as well":     {`{"op":"replace","value":{"name":{"givenName":"Tess"}}}`, []string{"name"}, map[string]any{"givenName": "Tess", "familyName": "User"}},
		"a list is replaced":                   {`{"op":"replace","path":"emails","value":[{"value":"x@acme.example"}]}`, []string{"emails"}, []any{map[string]any{"value": "x@acme.example"}}},
		"one value is a list of one":           {`{"op":"replace","path":"emails","value":{"value":"x@acme.example"}}`, []string{"emails"}, []any{map[string]any{"value": "x@acme.example"}}},
		"text is the value of one":             {`{"op":"replace","path":"emails","value":"x@acme.example"}`, []string{"emails"}, []any{map[string]any{"value": "x@acme.example"}}},
		"a list grows":                         {`{"op":"add","path":"emails","value":[{"value":"x@acme.example"}]}`, []string{"emails"}, []any{work, home, map[string]any{"value": "x@acme.example"}}},
		"but not by what it has":               {`{"op":"add","path":"emails","value":[{"type":"home","value":"leaver@home.example"}]}`, []string{"emails"}, []any{work, home}},
		"one is primary at most": {`{"op":"add","path":"emails","value":[{"value":"x@acme.example","primary":true}]}`, []string{"emails"},
			[]any{map[string]any{"type": "work", "value": "leaver@acme.example", "primary": false}, home, map[string]any{"value": "x@acme.example", "primary": true}}},
		"an empty list is none":              {`{"op":"replace","path":"emails","value":[]}`, []string{"emails"}, nil},
		"a part of those picked":             {`{"op":"replace","path":"emails[type eq \"home\"].value","value":"x@home.example"}`, []string{"emails"}, []any{work, map[string]any{"type": "home", "value": "x@home.example"}}},
		"a part in another case":             {`{"op":"replace","path":"emails[Type EQ \"HOME\"].Value","value":"x@home.example"}`, []string{"emails"}, []any{work, map[string]any{"type": "home", "value": "x@home.example"}}},
		"picked by two":                      {`{"op":"replace","path":"emails[type eq \"work\" and primary eq true].display","value":"D"}`, []string{"emails"}, []any{map[string]any{"type": "work", "value": "leaver@acme.example", "primary": true, "display": "D"}, home}},
		"picked by more than the parser can": {`{"op":"remove","path":"emails[(type eq \"work\" or type eq \"home\") and not (primary eq true)]"}`, []string{"emails"}, []any{work}},
		"picked and taken":                   {`{"op":"remove","path":"emails[type eq \"work\"]"}`, []string{"emails"}, []any{home}},
		"none picked and taken":              {`{"op":"remove","path":"emails[type eq \"other\"]"}`, []string{"emails"}, []any{work, home}},
		"all picked and taken":               {`{"op":"remove","path":"emails[value pr]"}`, []string{"emails"}, nil},
		"the value names what is taken":      {`{"op":"Remove","path":"emails","value":[{"value":"leaver@home.example"}]}`, []string{"emails"}, []any{work}},
		"picked and replaced":                {`{"op":"replace","path":"emails[type eq \"home\"]","value":{"value":"x@home.example","display":"D"}}`, []string{"emails"}, []any{work, map[string]any{"type": "home", "value": "x@home.example", "display": "D"}}},
		"picked and added to":                {`{"op":"add","path":"emails[type eq \"home\"]","value":{"display":"D"}}`, []string{"emails"}, []any{work, map[string]any{"type": "home", "value": "leaver@home.example", "display": "D"}}},
		"made where none is picked":          {`{"op":"Add","path":"emails[type eq \"other\"].value","value":"x@acme.example"}`, []string{"emails"}, []any{work, home, map[string]any{"type": "other", "value": "x@acme.example"}}},
		"a part of all":                      {`{"op":"replace","path":"emails.display","value":"D"}`, []string{"emails"}, []any{map[string]any{"type": "work", "value": "leaver@acme.example", "primary": true, "display": "D"}, map[string]any{"type": "home", "value": "leaver@home.example", "display": "D"}}},
		"a quotation mark in a filter":       {`{"op":"Add","path":"emails[type eq \"a\\\"]b\"].value","value":"x@acme.example"}`, []string{"emails"}, []any{work, home, map[string]any{"type": `a"]b`, "value": "x@acme.example"}}},
		"an attribute of the extension":      {`{"op":"replace","path":"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department","value":"Research"}`, []string{enterpriseSchema}, map[string]any{"department": "Research", "employeeNumber": "701984"}},
		"its URN in any case":                {`{"op":"replace","path":"URN:IETF:params:scim:schemas:extension:enterprise:2.0:user:department","value":"Research"}`, []string{enterpriseSchema, "department"}, "Research"},
		"the extension keeps the rest":       {`{"op":"replace","value":{"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"department":"Research"}}}`, []string{enterpriseSchema}, map[string]any{"department": "Research", "employeeNumber": "701984"}},
		"the extension goes":                 {`{"op":"remove","path":"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"}`, []string{enterpriseSchema}, nil},
		"an extension of one's own":          {`{"op":"add","path":"urn:okta:acme:1.0:user:custom:tag","value":"x"}`, []string{"urn:okta:acme:1.0:user:custom", "tag"}, "x"},
		"unknown attributes are kept":        {`{"op":"replace","path":"title","value":"Boss"}`, []string{"custom", "tags"}, []any{"a", "b"}},
		"unknown ones can be changed":        {`{"op":"replace","path":"custom.shoeSize","value":45}`, []string{"custom"}, map[string]any{"shoeSize": 45.0, "tags": []any{"a", "b"}}},
		"unknown ones in their own case":     {`{"op":"replace","path":"CUSTOM.shoesize","value":45}`, []string{"custom"}, map[string]any{"shoeSize": 45.0, "tags": []any{"a", "b"}}},
		"what is ours is skipped":            {`{"op":"replace","value":{"id":"x","meta":{"version":"9"},"schemas":["x"],"groups":[{"value":"g"}],"title":"Boss"}}`, []string{"title"}, "Boss"},
		"a password is forgotten":            {`{"op":"replace","path":"password","value":"pw"}`, []string{"password"}, nil},
		"in their order":                     {`{"op":"add","path":"title","value":"A"},{"op":"remove","path":"title"},{"op":"add","path":"title","value":"B"}`, []string{"title"}, "B"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newService(t)
			id := s.create(userToPatch)
			got := s.patched(id, c.operations)
			require.Equal(t, c.want, at(got, c.at...))
			require.Equal(t, got, s.do("GET", "/Users/"+id, "").body)
			require.Contains(t, string(s.disk.users[id]), "shoeSize")
			require.Empty(t, s.engine.heard())
		})
	}
}

func TestNumbersStayAsTheyWereWritten(t *testing.T) {
	s := newService(t)
	got := s.do("GET", "/Users/"+s.create(`{"userName":"a","big":9007199254740993,"small":44.50}`), "")
	require.Contains(t, got.Body.String(), `"big":9007199254740993`)
	require.Contains(t, got.Body.String(), `"small":44.50`)
}

func TestPatchIsAllOrNothing(t *testing.T) {
	for name, c := range map[string]struct{ body, scimType, detail string }{
		"no object":                    {`[]`, invalidSyntax, "one JSON object"},
		"null":                         {`null`, invalidSyntax, "one JSON object"},
		"two objects":                  {`{} {}`, invalidSyntax, "more after"},
		"cut off":                      {`{"Operations":[`, invalidSyntax, "one JSON object"},
		"another schema":               {`{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"Operations":[{"op":"replace","path":"active","value":false}]}`, invalidSyntax, patchSchema},
		"no operations":                {`{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"]}`, invalidSyntax, "Operations"},
		"an empty list":                {patchOf(``), invalidSyntax, "at least one"},
		"every wrong operation":        {patchOf(`{"op":"Delete","path":"active"},{"path":"x","value":1},{"op":7},"x",{"op":"add","path":7,"value":1},{"op":"add","path":"x"},{"op":"remove"}`), invalidSyntax, "operation 7: "},
		"active by no boolean":         {patchOf(`{"op":"replace","path":"title","value":"x"},{"op":"replace","path":"active","value":"maybe"}`), invalidValue, `operation 2: "active" must be true or false`},
		"active by a number":           {patchOf(`{"op":"replace","path":"active","value":0}`), invalidValue, "true or false"},
		"active by null":               {patchOf(`{"op":"replace","path":"active","value":null}`), invalidValue, "cannot be taken away"},
		"active by nothing in a list":  {patchOf(`{"op":"replace","path":"active","value":[]}`), invalidValue, "cannot be taken away"},
		"active by an object of null":  {patchOf(`{"op":"replace","path":"active","value":{"value":null}}`), invalidValue, "cannot be taken away"},
		"active taken away":            {patchOf(`{"op":"remove","path":"active"}`), invalidValue, "cannot be taken away"},
		"the userName taken away":      {patchOf(`{"op":"remove","path":"userName"}`), invalidValue, "userName"},
		"an empty userName":            {patchOf(`{"op":"replace","path":"userName","value":" "}`), invalidValue, "userName"},
		"the ID":                       {patchOf(`{"op":"replace","path":"id","value":"x"}`), mutability, "set by this service"},
		"the meta data":                {patchOf(`{"op":"replace","path":"meta.version","value":"x"}`), mutability, "set by this service"},
		"groups":                       {patchOf(`{"op":"add","path":"groups","value":[{"value":"x"}]}`), mutability, "set by this service"},
		"the user as a whole":          {patchOf(`{"op":"remove","path":"urn:ietf:params:scim:schemas:core:2.0:User"}`), mutability, "delete it"},
		"a path that is none":          {patchOf(`{"op":"replace","path":"/active","value":false}`), invalidPath, "cannot be read"},
		"three parts":                  {patchOf(`{"op":"replace","path":"a.b.c","value":false}`), invalidPath, "cannot be read"},
		"an open bracket":              {patchOf(`{"op":"replace","path":"emails[type eq \"work\"","value":"x"}`), invalidPath, "not closed"},
		"nothing in the brackets":      {patchOf(`{"op":"replace","path":"emails[].value","value":"x"}`), invalidPath, "nothing in the brackets"},
		"something behind the bracket": {patchOf(`{"op":"replace","path":"emails[type eq \"work\"]value","value":"x"}`), invalidPath, "no part"},
		"a filter that is none":        {patchOf(`{"op":"replace","path":"emails[type is work].value","value":"x"}`), invalidPath, "cannot be read"},
		"a filter where is one value":  {patchOf(`{"op":"replace","path":"name[givenName eq \"x\"].familyName","value":"x"}`), invalidPath, "which has one"},
		"nothing picked":               {patchOf(`{"op":"replace","path":"emails[type ne \"work\" and type ne \"home\"].value","value":"x"}`), noTarget, "matches"},
		"a part of what has none":      {patchOf(`{"op":"replace","path":"title.x","value":"x"}`), invalidPath, "no parts"},
		"no object without a path":     {patchOf(`{"op":"replace","value":false}`), invalidValue, "must be an object"},
		"text for a name":              {patchOf(`{"op":"replace","path":"name","value":"Test"}`), invalidValue, "must be an object"},
		"a boolean for text":           {patchOf(`{"op":"replace","path":"title","value":true}`), invalidValue, "must be text"},
		"every wrong part":             {patchOf(`{"op":"replace","path":"emails","value":[{"value":true,"primary":"x"},{"type":[1,2]}]}`), invalidValue, "emails[1].type"},
		"a key twice in two cases":     {patchOf(`{"op":"replace","path":"name","value":{"givenName":"a","GivenName":"b"}}`), invalidValue, "given twice"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newService(t)
			id := s.create(userToPatch)
			before := s.do("GET", "/Users/"+id, "")
			got := s.do("PATCH", "/Users/"+id, c.body)
			require.Equal(t, http.StatusBadRequest, got.Code, got.Body.String())
			require.Equal(t, c.scimType, got.body["scimType"], got.Body.String())
			require.Contains(t, got.body["detail"], c.detail)
			require.Equal(t, before.body, s.do("GET", "/Users/"+id, "").body)
			require.Empty(t, s.engine.heard())
		})
	}
}

func TestCreateNamesEveryProblem(t *testing.T) {
	s := newService(t)
	got := s.do("POST", "/Users", `{"userName":["a","b"],"active":"perhaps","name":"x","emails":[{"primary":2}],"title":{"a":1,"b":2},"locale":"a","LOCALE":"b"}`)
	require.Equal(t, http.StatusBadRequest, got.Code)
	require.Equal(t, invalidValue, got.body["scimType"])
	for _, problem := range []string{`"userName"`, `"active" must be true or false, not "perhaps"`, `"name" must be an object`, `"emails[0].primary"`, `"title"`, `"locale" is given twice`} {
		require.Contains(t, got.body["detail"], problem)
	}
	got = s.do("POST", "/Users", `{"active":true}`)
	require.Equal(t, `"userName" is missing`, got.body["detail"])
	require.Empty(t, s.disk.users)
}
