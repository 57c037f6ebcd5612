package dataplane

import "github.com/fairlead/fairlead"

// trust is the current statement, nil when there is none.
func (s *Server) trust() *fairlead.HubTrust {
	if s.Trust == nil {
		return nil
	}
	return s.Trust()
}

// authorities is the PEM that agents are installed with; empty when every system trusts the hub.
func (s *Server) authorities() []byte {
	if trust := s.trust(); trust != nil {
		return []byte(trust.Certificates)
	}
	return nil
}

// trustHash lets agents notice that they are to trust others than they do.
func (s *Server) trustHash() string {
	if trust := s.trust(); trust != nil {
		return trust.Hash()
	}
	return ""
}
