package wire

// Resolver is the resolv.conf of the place that ran the plan.
type Resolver struct {
	NameServers []string `json:"nameServers,omitempty"`
	Search      []string `json:"search,omitempty"`
	Ndots       int      `json:"ndots,omitempty"`
	Options     []string `json:"options,omitempty"`
	Error       string   `json:"error,omitempty"` // why it could not be read
}

// Lookup is what every name server said about one name.
type Lookup struct {
	Name    string   `json:"name"`
	Servers []Answer `json:"servers,omitempty"`
	Error   string   `json:"error,omitempty"` // why nobody was asked
}

// Answer is what one name server said, along the search path.
type Answer struct {
	Server    string   `json:"server"`
	RCode     string   `json:"rcode"` // of the query that decided: the first with addresses, else the name as given
	Name      string   `json:"name"`  // the name of that query
	Addresses []string `json:"addresses,omitempty"`
	CNAMEs    []string `json:"cnames,omitempty"`
	Queries   []Query  `json:"queries,omitempty"` // all that were asked, in order
}

// Query is one question to one name server.
type Query struct {
	Name   string `json:"name"`
	Type   string `json:"type"`
	RCode  string `json:"rcode"`
	Millis int64  `json:"millis"`
	TCP    bool   `json:"tcp,omitempty"`   // the answer was too long for UDP
	Error  string `json:"error,omitempty"` // with RCodeTimeout and RCodeError

	Addresses []string `json:"addresses,omitempty"`
	CNAMEs    []string `json:"cnames,omitempty"`
}
